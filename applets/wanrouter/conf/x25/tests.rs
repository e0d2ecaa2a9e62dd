//! What files say of X.25.

use std::time::Duration;

use super::*;
use crate::conf::{Channel, DeviceConf, Outcome, Protocol, Usage, parse};

const SAMPLE: &str = include_str!("../../../../samples/wanpipe1.x25");

/// A file of the 7.0 release for a card, with the line that makes it run here.
const CARD_FILE: &str = "
[devices]
wanpipe1 = WAN_X25, Comment
[interfaces]
wp1svc1 = wanpipe1, @, API, Comment
[wanpipe1]
LINE = cable:x
CARD_TYPE = S51X
S514CPU = A
AUTO_PCISLOT = NO
PCISLOT = 5
PCIBUS = 0
Firmware = /etc/wanpipe/firmware/x25_514.sfm
Interface = V35
Clocking = External
BaudRate = 1540000
MTU = 1024
UDPPORT = 9000
Station = DTE
LowestPVC = 0
HighestPVC = 0
LowestSVC = 1
HighestSVC = 1
HdlcWindow = 7
PacketWindow = 7
CCITTCompat = 1988
X25Config = 0x0090
LAPB_HDLC_ONLY = NO
CALL_SETUP_LOG = YES
OOB_ON_MODEM = NO
T1 = 3
T2 = 0
T4 = 240
N2 = 10
T10_T20 = 30
T11_T21 = 30
T12_T22 = 30
T13_T23 = 30
T16_T26 = 30
T28 = 30
R10_R20 = 5
R12_R22 = 5
R13_R23 = 5
TTL = 255
IGNORE_FRONT_END = NO
[wp1svc1]
";

fn only(text: &str) -> DeviceConf {
    let outcome = parse("f", text);
    assert_eq!(outcome.diagnostics.to_string(), "");
    outcome.devices.into_iter().next().unwrap()
}

fn with(interfaces: &str, link: &str, own: &str) -> Outcome {
    let text = format!(
        "[devices]\nw = WAN_X25\n[interfaces]\n{interfaces}\n[w]\nLINE = cable:x\n{link}\n[a]\n{own}\n"
    );
    parse("f", &text)
}

fn link(device: &DeviceConf) -> &X25Conf {
    match &device.protocol {
        Protocol::X25(conf) => conf,
        other => panic!("{other:?}"),
    }
}

fn channel(device: &DeviceConf) -> &X25Channel {
    match &device.interfaces[0].channel {
        Channel::X25(channel) => channel,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_sample() {
    let device = only(SAMPLE);
    let called = X25Circuit::Switched("31161".to_owned());
    assert_eq!(channel(&device).circuit, called);
    assert_eq!(device.interfaces.len(), 3);
    let packets = link(&device).packets.clone().unwrap();
    assert_eq!(
        (packets.permanent, packets.two_way),
        (Some((1, 1)), Some((2, 255)))
    );
}

#[test]
fn a_file_for_a_card() {
    let device = only(CARD_FILE);
    assert_eq!(device.protocol.link_type(), "WAN_X25");
    let conf = link(&device);
    assert_eq!(conf.station, X25Station::Dte);
    let seconds = Duration::from_secs;
    let lapb = &conf.lapb;
    assert_eq!((lapb.t1, lapb.t2, lapb.t4), (seconds(3), seconds(0), 240));
    assert_eq!((lapb.n2, lapb.window, lapb.extended), (10, 7, false));
    let packets = conf.packets.as_ref().unwrap();
    assert_eq!((packets.size, packets.max_size), (1024, 1024));
    assert_eq!(packets.ranges(), [None, None, Some((1, 1)), None]);
    assert_eq!((packets.channels(), packets.window), (1, 7));
    assert_eq!((packets.restart, packets.restarts), (seconds(30), 5));
    assert!(conf.log_calls);
    assert_eq!(device.interfaces[0].usage, Usage::Api);
    let channel = channel(&device);
    assert_eq!(channel.circuit, X25Circuit::Switched(String::new()));
    assert_eq!((channel.idle, channel.hold), (seconds(90), seconds(10)));
}

#[test]
fn circuits_and_their_calls() {
    let link_keys = "LOWESTPVC=1\nHIGHESTPVC=2\nLOWESTINCOMING=5\nHIGHESTINCOMING=6\n\
                     LOWESTSVC=7\nHIGHESTSVC=9\nLOWESTOUTGOING=10\nHIGHESTOUTGOING=4095\n\
                     STATION = DCE\nX25_MODE=128\nLAPB_MODE=128\nHDLCWINDOW=127\n\
                     PACKETWINDOW=100\nDEF_PKT_SIZE=128\nMAX_PKT_SIZE=4096";
    let own = "X25_CALL_STRING = -s31162 -uCC0102 -f420707430202\nX25_ACCEPT_SRC_ADDR = 31*\n\
               X25_ACCEPT_USR_DATA = cc*\nX25_WINDOW = 100\nX25_PKT_SIZE = 4096\n\
               IDLETIMEOUT = 0\nHOLDTIMEOUT = 500ms\nX25_ENCAPSULATION = SNAP";
    let outcome = with("a = w, @31161, WANPIPE\nb = w, 2, WANPIPE", link_keys, own);
    assert_eq!(outcome.diagnostics.to_string(), "");
    let device = &outcome.devices[0];
    let conf = link(device);
    let packets = conf.packets.as_ref().unwrap();
    assert!(packets.extended && conf.lapb.extended);
    assert_eq!(packets.channels(), 2 + 2 + 3 + 4086);
    assert_eq!((packets.size, packets.max_size), (128, 4096));
    let circuit = channel(device);
    assert_eq!(circuit.circuit, X25Circuit::Switched("31161".to_owned()));
    assert_eq!(circuit.calling, "31162");
    assert_eq!(circuit.user_data.as_deref(), Some(&[0xcc, 1, 2][..]));
    assert_eq!(circuit.facilities, [0x42, 7, 7, 0x43, 2, 2]);
    assert_eq!(circuit.accept.source.as_deref(), Some("31*"));
    assert_eq!(circuit.accept.user_data.as_deref(), Some("CC*"));
    assert_eq!(circuit.encapsulation, X25Encapsulation::Snap);
    assert!(circuit.idle.is_zero());
    assert_eq!(circuit.hold, Duration::from_millis(500));
    let Channel::X25(second) = &device.interfaces[1].channel else {
        panic!("not X.25");
    };
    assert_eq!(second.circuit, X25Circuit::Permanent(2));
    // What the link daemon gets is what was read.
    let json = serde_json::to_string(device).unwrap();
    assert_eq!(&serde_json::from_str::<DeviceConf>(&json).unwrap(), device);
}

#[test]
fn packet_sizes_follow_the_mtu() {
    for (mtu, size) in [
        (1500, 1024),
        (4098, 1024),
        (600, 512),
        (128, 128),
        (255, 128),
    ] {
        let keys = format!("LOWESTSVC=1\nHIGHESTSVC=1\nMTU={mtu}");
        let outcome = with("a = w, @, WANPIPE", &keys, "");
        assert_eq!(outcome.diagnostics.to_string(), "");
        let packets = link(&outcome.devices[0]).packets.clone().unwrap();
        assert_eq!((packets.size, packets.max_size), (size, 1024));
    }
}

#[test]
fn what_is_wrong_is_said_with_its_rule() {
    const SVC: &str = "LOWESTSVC=1\nHIGHESTSVC=4";
    const CIRCUIT: &str = "a = w, @1, WANPIPE";
    for (interfaces, keys, own, wanted) in [
        (
            CIRCUIT,
            "",
            "",
            "f:5: HIGHESTSVC: a packet layer without logical channels",
        ),
        (
            CIRCUIT,
            "HIGHESTSVC=4",
            "",
            "f:7: LOWESTSVC: HIGHESTSVC is 4",
        ),
        (
            CIRCUIT,
            "LOWESTSVC=5\nHIGHESTSVC=4",
            "",
            "f:8: HIGHESTSVC: lower than LOWESTSVC = 5",
        ),
        (
            CIRCUIT,
            "LOWESTSVC=4\nHIGHESTSVC=9\nLOWESTPVC=1\nHIGHESTPVC=4",
            "",
            "f:7: LOWESTSVC: channel 4 is not above those before it, to 4; allowed: permanent, \
             incoming, two-way, outgoing channels in rising order",
        ),
        (
            CIRCUIT,
            "LOWESTPVC=1\nHIGHESTPVC=4",
            "",
            "there are no channels for calls",
        ),
        (
            "a = w, 3, WANPIPE",
            SVC,
            "",
            "f:4: a: there is no permanent circuit 3",
        ),
        (
            "a = w, 3, WANPIPE",
            "LOWESTPVC=1\nHIGHESTPVC=2",
            "",
            "LOWESTPVC 1 to HIGHESTPVC 2",
        ),
        (
            "a = w, 1, WANPIPE\nb = w, 1, WANPIPE",
            "LOWESTPVC=1\nHIGHESTPVC=2",
            "",
            "f:5: b: permanent circuit 1 is that of a",
        ),
        (
            "a = w, , WANPIPE",
            SVC,
            "",
            "f:4: a: no address; allowed: @ADDRESS",
        ),
        ("a = w, x1, WANPIPE", SVC, "", "'x1' is not an address"),
        ("a = w, @1x, WANPIPE", SVC, "", "it has others than digits"),
        (
            "a = w, @1234567890123456, WANPIPE",
            SVC,
            "",
            "an address of 16 digits is too long",
        ),
        (
            "a = w, @1, BRIDGE",
            SVC,
            "",
            "mode BRIDGE needs Frame Relay",
        ),
        (
            CIRCUIT,
            "LOWESTSVC=1\nHIGHESTSVC=1\nHDLCWINDOW=8",
            "",
            "or LAPB_MODE = 128",
        ),
        (
            CIRCUIT,
            "LOWESTSVC=1\nHIGHESTSVC=1\nPACKETWINDOW=8",
            "",
            "or X25_MODE = 128",
        ),
        (
            CIRCUIT,
            "LOWESTSVC=1\nHIGHESTSVC=1\nT1=1\nT2=1",
            "",
            "f:10: T2: an acknowledgement",
        ),
        (
            CIRCUIT,
            "DEF_PKT_SIZE=100",
            "",
            "'100' is not one of its words; allowed: 16, 32",
        ),
        (
            CIRCUIT,
            "DEF_PKT_SIZE=512\nMAX_PKT_SIZE=256",
            "",
            "less than the packet size of 512",
        ),
        (CIRCUIT, "CCITTCOMPAT=1985", "", "allowed: 1980, 1984, 1988"),
        (
            CIRCUIT,
            "T1=50ms",
            "",
            "T1: '50ms' is out of range; allowed: 100ms to 30 seconds",
        ),
        (CIRCUIT, SVC, "X25_WINDOW=9", "1 to 7, or X25_MODE = 128"),
        (
            CIRCUIT,
            SVC,
            "X25_SRC_ADDR=1*",
            "X25_SRC_ADDR: '1*' is not an address",
        ),
        (
            CIRCUIT,
            SVC,
            "X25_ACCEPT_SRC_ADDR=1?",
            "digits, * for any number of them",
        ),
        (CIRCUIT, SVC, "X25_ACCEPT_USR_DATA=xx", "hexadecimal digits"),
        (
            CIRCUIT,
            SVC,
            "X25_CALL_STRING=-uC",
            "'C' is not pairs of hexadecimal digits",
        ),
        (
            CIRCUIT,
            SVC,
            "X25_CALL_STRING=-x1",
            "'-x1' is not a part of a call",
        ),
        (
            CIRCUIT,
            SVC,
            "X25_CALL_STRING=-d2",
            "-d2 calls another address than @1",
        ),
        (
            CIRCUIT,
            SVC,
            "DYN_INTR_CFG=YES",
            "its first packet places the call",
        ),
        (CIRCUIT, SVC, "IDLETIMEOUT=501", "allowed: 0 to 500 seconds"),
        (CIRCUIT, "T391=10", "", "a key of WAN_FR"),
        (
            "a = w, , API\nb = w, , API",
            "LAPB_HDLC_ONLY=YES",
            "",
            "f:5: b: LAPB_HDLC_ONLY has one interface",
        ),
    ] {
        let said = with(interfaces, keys, own).diagnostics.to_string();
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}

#[test]
fn what_has_no_effect_is_remarked() {
    for (interfaces, keys, own, wanted) in [
        (
            "a = w, , API",
            "LAPB_HDLC_ONLY=YES\nLOWESTSVC=1",
            "",
            "leaves the packet layer out",
        ),
        (
            "a = w, @1, API",
            "LAPB_HDLC_ONLY=YES",
            "",
            "address '@1' ignored",
        ),
        (
            "a = w, 1, WANPIPE",
            "LOWESTPVC=1\nHIGHESTPVC=1",
            "IDLETIMEOUT=5",
            "without calls",
        ),
        (
            "a = w, @, API",
            "LOWESTSVC=1\nHIGHESTSVC=1",
            "X25_ENCAPSULATION=NULL",
            "as they are",
        ),
        (
            "a = w, @, API",
            "LOWESTSVC=1\nHIGHESTSVC=1\nT28=3",
            "",
            "nothing is registered",
        ),
    ] {
        let outcome = with(interfaces, keys, own);
        let said = outcome.diagnostics.to_string();
        assert!(said.contains(wanted), "{wanted}: {said}");
        assert!(outcome.accept().is_ok(), "{said}");
    }
}

#[test]
fn routes_come_longest_first() {
    let routes = |text: &str| {
        parse(
            "f",
            &format!(
                "[devices]\nw = WAN_X25\nv = WAN_PPP\n[w]\nLINE = cable:x\nLOWESTSVC=1\n\
                 HIGHESTSVC=1\n[v]\nLINE = cable:y\nBUNDLE = u\n[x25routes]\n{text}"
            ),
        )
    };
    let outcome = routes("31* = w\n3116 = other\n* = elsewhere\n");
    assert_eq!(outcome.diagnostics.to_string(), "");
    let said: Vec<_> = link(&outcome.devices[0])
        .routes
        .iter()
        .map(|route| (route.prefix.as_str(), route.device.as_str()))
        .collect();
    assert_eq!(said, [("3116", "other"), ("31", "w"), ("", "elsewhere")]);
    for (text, wanted) in [
        ("x = w\n", "f:12: x: 'x' is not an address"),
        ("1234567890123456 = w\n", "16 digits is too long"),
        ("1 = \n", "is not a device name"),
        ("1 = v\n", "v is not WAN_X25"),
        ("1 = w\n1* = u\n", "f:13: 1*: a route to w is there already"),
    ] {
        let said = routes(text).diagnostics.to_string();
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    let text = "[devices]\nwanpipe1 = WAN_CHDLC\n[wanpipe1]\nLINE=cable:x\n[x25routes]\n1 = b\n";
    let said = parse("f", text).diagnostics.to_string();
    assert!(said.contains("no device of this file is WAN_X25"), "{said}");
}

/// LAPB gives up after N2 x T1; an answer that it delivers until then belongs to the request that
/// is waited for.
#[test]
fn timers_that_are_shorter_than_lapb() {
    let said = |link: &str| {
        let link = format!("LOWESTSVC = 1\nHIGHESTSVC = 1\n{link}");
        let outcome = with("a = w, @, API", &link, "");
        let said = outcome.diagnostics.to_string();
        assert!(outcome.accept().is_ok(), "{said}");
        said
    };
    assert_eq!(said("T1 = 3\nN2 = 10\nT10_T20 = 30"), "");
    assert_eq!(said("T1 = 1\nT10_T20 = 10\nT11_T21 = 200"), "");
    assert_eq!(
        said("T11_T21 = 20\nT16_T26 = 1"),
        "f:9: warning: T11_T21: 20s is shorter than N2 x T1 = 30s, for which LAPB may hold an \
         answer: that of a request that was given up could be taken for the next one's"
    );
    let all = said("N2 = 20\nT12_T22 = 60");
    let keys: Vec<&str> = all
        .lines()
        .map(|line| line.split(": ").nth(2).unwrap())
        .collect();
    assert_eq!(keys, ["T10_T20", "T11_T21", "T13_T23"], "{all}");
    assert!(all.starts_with("f:9: warning: T10_T20: 30s"), "{all}");
    // Without LAPB, and without the packet layer.
    let text = CARD_FILE
        .replace("LINE = cable:x", "LINE = xot-listen:127.0.0.1")
        .replace("T10_T20 = 30", "T10_T20 = 1");
    let told = parse("f", &text).diagnostics.to_string();
    assert!(!told.contains("T10_T20"), "{told}");
    let text = CARD_FILE
        .replace("ONLY = NO", "ONLY = YES")
        .replace("T10_T20 = 30", "T10_T20 = 1");
    let told = parse("f", &text).diagnostics.to_string();
    assert!(!told.contains("T10_T20"), "{told}");
}
