use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;
use wanbox_grammar::line::Kind;
use wanbox_runtime::files::Root;

use super::keys::{INTERFACE, LINK, Status};
use super::*;

const FR: &str = include_str!("../../../samples/wanpipe1.fr");
const FR_NODE: &str = include_str!("../../../samples/wanpipe1.fr-node");
const CPRI: &str = include_str!("../../../samples/wanpipe1.cpri");
const CSEC: &str = include_str!("../../../samples/wanpipe2.csec");
const PPP: &str = include_str!("../../../samples/wanpipe1.ppp");
const STTY: &str = include_str!("../../../samples/wanpipe1.stty");
const ATTY: &str = include_str!("../../../samples/wanpipe1.atty");
const ASY: &str = include_str!("../../../samples/wanpipe1.asy");
const INTERFACE_FILE: &str = include_str!("../../../samples/interface");
const RC: &str = include_str!("../../../samples/wanrouter.rc");

/// A file of the 7.0 release for a card, with the line that makes it run here.
const CARD_FILE: &str = "
[devices]
wanpipe1 = WAN_FR, Comment
[interfaces]
wp1fr16 = wanpipe1, auto, WANPIPE, Comment
[wanpipe1]
CARD_TYPE = S51X
S514CPU = A
AUTO_PCISLOT = YES
PCISLOT = 5
PCIBUS = 0
Firmware = /etc/wanpipe/firmware/fr514.sfm
Interface = V35
Clocking = External
BaudRate = 1540000
MTU = 1500
UDPPORT = 9000
NUMBER_OF_DLCI = 1
Station = CPE
Signalling = ANSI
T391 = 10
T392 = 16
N391 = 6
N392 = 3
N393 = 4
FR_ISSUE_FS = YES
TTL = 255
IGNORE_FRONT_END = NO
[wp1fr16]
MULTICAST = NO
INARP = NO
INARPINTERVAL = 0
INARP_RX = NO
IPX = NO
TRUE_ENCODING_TYPE = NO
DYN_INTR_CFG = NO
";

fn said(outcome: &Outcome) -> String {
    outcome.diagnostics.to_string()
}

fn only(text: &str) -> DeviceConf {
    let outcome = parse("f", text);
    assert_eq!(said(&outcome), "");
    outcome.devices.into_iter().next().unwrap()
}

#[test]
fn terminals() {
    for (text, mode) in [(STTY, TtyMode::Sync), (ATTY, TtyMode::Async)] {
        let device = only(text);
        assert_eq!(device.tty, Some(TtyConf { minor: 0, mode }));
        assert_eq!(device.without_addresses().count(), 0);
    }
}

#[test]
fn asynchronous_characters() {
    let device = only(ASY);
    let conf = device.asynchronous().unwrap();
    let (said, handshakes) = (conf.to_string(), conf.handshakes.keys().count());
    assert_eq!((said.as_str(), handshakes), ("8N1", 0));
    assert_eq!((conf.xon, conf.xoff, conf.length), (0xfe, 0xff, 20));
    let ms = Duration::from_millis;
    assert_eq!((conf.break_time, conf.gap), (ms(50), ms(123)));
    let Channel::CiscoHdlc(channel) = &device.interfaces[0].channel else {
        panic!("not Cisco HDLC");
    };
    assert!(channel.streaming && !channel.ignore_dcd && !channel.ignore_cts);
    assert_eq!(only(CPRI).asynchronous(), None);
}

#[test]
fn what_asynchronous_lines_cannot_do() {
    const USUAL: &str = "INTERFACE = RS232\nCLOCKING = INTERNAL";
    let asy = |line: &str, device: &str, keys: &str| {
        let text = format!(
            "[devices]\nw = WAN_CHDLC\n[interfaces]\na = w,,API\n[w]\nLINE = {line}\n\
             {device}\n[a]\nASYNC_MODE = YES\n{keys}\n"
        );
        parse("f", &text)
    };
    let fine = [
        (
            "tty:/dev/ttyS0",
            "TX_BITS_PER_CHAR=5\nRX_BITS_PER_CHAR=5\nSTOP_BITS=ONE_AND_HALF",
        ),
        (
            "tty:/dev/ttyS0",
            "RTS_HS_FOR_RECEIVE=YES\nCTS_HS_FOR_TRANSMIT=YES\nPARITY=ODD",
        ),
        (
            "tty:/dev/ttyS0",
            "XON_XOFF_HS_FOR_TRANSMIT=YES\nDCD_HS_FOR_TRANSMIT=YES\nSTOP_BITS=TWO",
        ),
        (
            "tcp:192.0.2.1:7000",
            "TX_BITS_PER_CHAR=8\nRX_BITS_PER_CHAR=7\nRX_COMPLETE_LENGTH=0",
        ),
        (
            "pty:/dev/line",
            "INTER_CHAR_TIMER=0\nASY_DATA_TRANSPARENT=YES",
        ),
    ];
    for (line, keys) in fine {
        assert_eq!(said(&asy(line, USUAL, keys)), "", "{line} {keys}");
    }
    let tty = "tty:/dev/ttyS0";
    let wrong = [
        (tty, USUAL, "RX_BITS_PER_CHAR=7", "one size of characters"),
        (tty, USUAL, "TX_BITS_PER_CHAR=9", "out of range"),
        (
            tty,
            USUAL,
            "RTS_HS_FOR_RECEIVE=YES",
            "RTS and CTS only together",
        ),
        (
            tty,
            USUAL,
            "CTS_HS_FOR_TRANSMIT=YES",
            "RTS and CTS only together",
        ),
        (tty, USUAL, "STOP_BITS=ONE_AND_HALF", "only with 5 bits"),
        (
            tty,
            USUAL,
            "STOP_BITS=TWO\nTX_BITS_PER_CHAR=5\nRX_BITS_PER_CHAR=5",
            "one and a half with 5",
        ),
        (
            tty,
            USUAL,
            "ASY_DATA_TRANSPARENT=YES\nPARITY=EVEN",
            "keeps the parity bit",
        ),
        (
            "tty:/dev/ttyS0 flow=rtscts",
            USUAL,
            "",
            "flow= is for frames",
        ),
        (
            "tty:/dev/ttyS0 dcd=ignore",
            "",
            "DCD_HS_FOR_TRANSMIT=YES",
            "dcd=ignore",
        ),
        (
            tty,
            USUAL,
            "XON_XOFF_HS_FOR_RECEIVE=YES\nXON_CHAR=0x13",
            "the same as XON_CHAR",
        ),
        (
            tty,
            USUAL,
            "XON_XOFF_HS_FOR_RECEIVE=YES\nXON_CHAR=0xFE\nTX_BITS_PER_CHAR=7\nRX_BITS_PER_CHAR=7",
            "0xfe is no character of 7 bits",
        ),
        (tty, USUAL, "XON_CHAR=0", "out of range"),
        (
            tty,
            USUAL,
            "INTER_CHAR_TIMER=0\nRX_COMPLETE_LENGTH=0",
            "would end a piece",
        ),
        (tty, USUAL, "RX_COMPLETE_LENGTH=2001", "out of range"),
        (tty, USUAL, "BREAK_TIMER=6s", "out of range"),
        ("cable:x", USUAL, "", "a stream of them"),
        ("udp:127.0.0.1:1,127.0.0.1:2", USUAL, "", "a stream of them"),
        (tty, "INTERFACE = RS232", "", "the clock of this end"),
        (tty, "CLOCKING = INTERNAL", "", "no V.35"),
    ];
    for (line, device, keys, wanted) in wrong {
        let outcome = asy(line, device, keys);
        let said = said(&outcome);
        assert!(said.contains(wanted), "{line} {device} {keys}: {said}");
        assert!(outcome.accept().is_err(), "{line} {device} {keys}");
    }
    let parity = asy(
        "pty:/dev/line",
        USUAL,
        "PARITY=ODD\nXON_XOFF_HS_FOR_RECEIVE=YES",
    );
    let text = said(&parity);
    assert_eq!(text.matches("only a serial port").count(), 2, "{text}");
    assert!(parity.accept().is_ok());
    let routed = "[devices]\nw = WAN_CHDLC\n[interfaces]\na = w,,WANPIPE\n[w]\nLINE=pty:/dev/x\n\
                  INTERFACE=RS232\nCLOCKING=INTERNAL\n[a]\nASYNC_MODE=YES\n";
    assert!(said(&parse("f", routed)).contains("for an application"));
    let frames = "[devices]\nw = WAN_CHDLC\n[interfaces]\na = w,,API\n[w]\nLINE=cable:x\n\
                  [a]\nPARITY=ODD\n";
    let outcome = parse("f", frames);
    assert!(said(&outcome).contains("without effect but with ASYNC_MODE"));
    assert!(outcome.accept().is_ok());
}

#[test]
fn every_default_and_table_entry_is_right() {
    for key in LINK.iter().chain(INTERFACE) {
        assert!(
            key.name
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        );
        assert!(!key.meaning.is_empty() && !key.kind.allowed().is_empty());
        if !key.default.is_empty() {
            let read = key.kind.read(key.default);
            assert!(matches!(read, Ok((_, None))), "{}: {read:?}", key.name);
        }
    }
    for table in [LINK, INTERFACE] {
        let mut names: Vec<&str> = table.iter().map(|key| key.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), table.len(), "a key twice");
        assert!(table.iter().any(|key| key.status == Status::Used));
    }
}

#[test]
fn the_samples_are_clean() {
    let cpe = only(FR);
    assert_eq!(cpe.baud_rate, 2_000_000);
    assert_eq!(cpe.clocking, Clocking::Internal);
    assert_eq!(cpe.line.unwrap().kind, Kind::Cable("demo".to_owned()));
    let Protocol::FrameRelay(link) = &cpe.protocol else {
        panic!("not Frame Relay");
    };
    assert_eq!(
        (link.station, link.signalling),
        (Station::Cpe, Signalling::Ansi)
    );
    assert_eq!((link.t391, link.n391), (Duration::from_secs(10), 6));
    let Channel::FrameRelay(channel) = &cpe.interfaces[0].channel else {
        panic!("not Frame Relay");
    };
    assert_eq!(channel.dlci, Some(16));
    assert!(channel.inarp && channel.inarp_rx && cpe.interfaces[0].dynamic);

    let node = only(FR_NODE);
    let Protocol::FrameRelay(link) = &node.protocol else {
        panic!("not Frame Relay");
    };
    assert_eq!((link.station, link.number_of_dlci), (Station::Node, 1));

    let chdlc = only(CPRI);
    let Channel::CiscoHdlc(channel) = &chdlc.interfaces[0].channel else {
        panic!("not Cisco HDLC");
    };
    assert_eq!(channel.keepalive_rx, Duration::from_secs(11));
    assert_eq!(channel.keepalive_margin, 5);
    assert!(matches!(only(CSEC).line.unwrap().kind, Kind::Udp { .. }));
}

#[test]
fn ppp_is_read() {
    let device = only(PPP);
    let Protocol::Ppp(link) = &device.protocol else {
        panic!("not PPP");
    };
    assert!(link.authenticator && link.magic && !link.pfc && link.ipv6cp);
    assert_eq!(
        (link.mru, link.max_configure, link.max_terminate),
        (1500, 10, 2)
    );
    assert_eq!(link.hold_down, Duration::from_secs(5));
    assert_eq!(link.ipcp.as_ref().unwrap().mode, IpMode::Static);
    let Channel::Ppp(channel) = &device.interfaces[0].channel else {
        panic!("not PPP");
    };
    let users: Vec<&str> = channel.auth.users.iter().map(|(u, _)| u.as_str()).collect();
    assert_eq!(users, ["branch", "home"]);
    assert_eq!(channel.auth.users[1].1, Secret("another".to_owned()));
    assert!(!channel.learns_address && !channel.rewritten);
    // Nothing that is printed has a secret in it.
    assert!(!format!("{device:?}").contains("another"));

    let head = "[devices]\nwanpipe1 = WAN_PPP\n";
    let member = only(&format!(
        "{head}[wanpipe1]\nLINE = cable:x\nBUNDLE = wanpipe0\nCHAP = YES\nUSERID = a\nPASSWD = b\n"
    ));
    let Protocol::Ppp(link) = &member.protocol else {
        panic!("not PPP");
    };
    assert_eq!(link.bundle.as_deref(), Some("wanpipe0"));
    assert!(link.auth.chap && member.interfaces.is_empty());
}

#[test]
fn what_is_wrong_with_ppp_is_said() {
    for (link, interface, wanted) in [
        (
            "",
            "CHAP = YES\n",
            "authentication without names and secrets",
        ),
        ("", "PASSWD = x\n", "without a USERID"),
        (
            "AUTHENTICATOR = YES\n",
            "CHAP = YES\nUSERID = a\nPASSWD = b\n",
            "SYSNAME",
        ),
        (
            "AUTHENTICATOR = YES\n",
            "SYSNAME = a\n",
            "without a way to prove",
        ),
        (
            "AUTHENTICATOR = YES\n",
            "CHAP = YES\nSYSNAME = s\nUSERID = a / b\nPASSWD = b\n",
            "2 names, 1 secrets",
        ),
        ("", "SECRETS_FILE = here\n", "not an absolute path"),
        ("BUNDLE = wanpipe1\n", "", "cannot join itself"),
        ("BUNDLE = wanpipe0\nMULTILINK = YES\n", "", "one of the two"),
        ("BUNDLE = wanpipe0\n", "", "is that of wanpipe0"),
        ("SHORT_SEQ = YES\n", "", "MULTILINK = YES is not given"),
        ("MRU = 63\n", "", "64 to 65535"),
        ("DNS_PRIMARY = x\n", "", "no IPv4 address"),
        ("CONNECTTIMEOUT = 500ms\n", "", "too short"),
        ("ECHO_INTERVAL = 10ms\n", "", "too often"),
        ("T391 = 10\n", "", "a key of WAN_FR"),
    ] {
        let text = format!(
            "[devices]\nwanpipe1 = WAN_PPP\n[interfaces]\nw = wanpipe1, , WANPIPE\n\
             [wanpipe1]\nLINE = cable:x\n{link}[w]\n{interface}"
        );
        let all = said(&parse("f", &text));
        assert!(all.contains(wanted), "{wanted}: {all}");
    }
    let without = parse(
        "f",
        "[devices]\nwanpipe1 = WAN_PPP\n[wanpipe1]\nLINE = cable:x\n",
    );
    assert!(said(&without).contains("BUNDLE = DEVICE"));
}

#[test]
fn a_file_for_a_card_says_how_to_give_a_line() {
    let outcome = parse("wanpipe1.conf", CARD_FILE);
    let all = said(&outcome);
    assert_eq!(all.lines().count(), 1, "{all}");
    assert!(
        all.starts_with("wanpipe1.conf:6: LINE: [wanpipe1] names a hardware card"),
        "{all}"
    );
    for part in [
        "CARD_TYPE=S51X",
        "S514CPU=A",
        "PCISLOT=5",
        "LINE = cable:wanpipe1",
        "udp:LOCAL",
    ] {
        assert!(all.contains(part), "{part}: {all}");
    }
    // With one it runs as it is, without a warning: the card's keys only describe it.
    let device = only(&CARD_FILE.replace("[wanpipe1]\n", "[wanpipe1]\nLINE = cable:a\n"));
    assert_eq!(device.card.pci_slot, "5");
    assert_eq!(device.card.firmware, "/etc/wanpipe/firmware/fr514.sfm");
    let Channel::FrameRelay(channel) = &device.interfaces[0].channel else {
        panic!("not Frame Relay");
    };
    assert_eq!(channel.dlci, None, "auto");
    assert_eq!(channel.inarp_interval, Duration::from_secs(10), "0 is 10 s");

    let rows = summary::read(CARD_FILE);
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (
            rows[0].device.as_str(),
            rows[0].link_type.as_str(),
            rows[0].card.cpu.as_str()
        ),
        ("wanpipe1", "WAN_FR", "A")
    );
}

/// Every mistake at once, each with its place and what is allowed.
#[test]
fn all_errors_of_a_file_at_once() {
    let text = "\
[devices]
wanpipe1 = WAN_FR
wanpipe2 = WAN_ADSL
wanpipe3 = WAN_NOPE
[interfaces]
wp1fr16 = wanpipe1, 16, WANPIPE
wp1fr17 = wanpipe1, 16, WANPIPE
wp1fr18 = wanpipe1, 992, WANPIPE
wp1fr19 = wanpipe9, 19, WANPIPE
wp1fr20 = wanpipe1, 20, wanpipe
wp1fr21 = wanpipe1, 21, STACK
short = wanpipe1
[wanpipe1]
LINE = wire:router
T391 = 31
T392 = 010
N392 = 4
N393 = 3
SIGNALING = ANSI
BAUDRATE = fast
MTU
UDPPORT =
LOWESTPVC = 1
STATION = X
STATION = CPE
FE_MEDIA = T1
[wp1fr16]
BC = 64
BRIDGE_NAME = br0
PAP = YES
CIR = 0
[wp1fr99]
MTU = 1
";
    let golden = "\
wanpipe1.conf:3: wanpipe2: link type WAN_ADSL is not yet driven by this version; allowed: WAN_FR, WAN_MFR, WAN_CHDLC, WAN_PPP, WAN_MULTPPP, WAN_MULTPROT, WAN_X25
wanpipe1.conf:4: wanpipe3: unknown link type 'WAN_NOPE'; allowed: WAN_FR, WAN_MFR, WAN_CHDLC, WAN_PPP, WAN_MULTPPP, WAN_MULTPROT, WAN_X25
wanpipe1.conf:7: wp1fr17: DLCI 16 is that of wp1fr16; allowed: each DLCI once
wanpipe1.conf:8: wp1fr18: DLCI 992 is out of range; allowed: DLCI 16 to 991, or auto
wanpipe1.conf:9: wp1fr19: 'wanpipe9' is not in [devices]; allowed: wanpipe1, wanpipe2, wanpipe3
wanpipe1.conf:10: wp1fr20: mode 'wanpipe' is written WANPIPE; allowed: WANPIPE, BRIDGE, BRIDGE_NODE, API
wanpipe1.conf:11: wp1fr21: mode STACK is not yet driven by this version; allowed: WANPIPE, BRIDGE, BRIDGE_NODE, API
wanpipe1.conf:12: short: too few parts; allowed: INTERFACE = DEVICE, ADDRESS (may be empty), MODE[, description]
wanpipe1.conf:14: LINE: unknown kind of line 'wire'; allowed: cable:NAME, udp:LOCAL:PORT,REMOTE:PORT, packet:IFNAME, lapbether:IFNAME, tty:DEVICE, pty:LINK, tcp:HOST:PORT, tcp-listen:ADDRESS:PORT, xot:HOST[:PORT], xot-listen:ADDRESS[:PORT]; then loss=N% delay=TIME queue=FRAMES, with tty also flow=none|rtscts|xonxoff dcd=watch|ignore, with tcp-listen and xot also source=ADDRESS/BITS, with xot also listen=ADDRESS[:PORT] interface=NAME
wanpipe1.conf:15: T391: '31' is out of range; allowed: 5 to 30 seconds, or with a unit as 15s
wanpipe1.conf:16: warning: T392: '010' is octal for 8; leave the leading 0 out if 8 is not meant
wanpipe1.conf:17: N392: 4 errors never fit into N393 = 3 events; allowed: at most N393
wanpipe1.conf:19: SIGNALING: unknown key, did you mean SIGNALLING?
wanpipe1.conf:20: BAUDRATE: 'fast' is not a bit rate (as 64000, 64k, 2M); allowed: 64 to 1000000000 bit/s, also as 64k or 2M
wanpipe1.conf:21: MTU: no '='; allowed: KEY = value
wanpipe1.conf:22: UDPPORT: no value; allowed: 0 to 65535
wanpipe1.conf:23: LOWESTPVC: a key of WAN_X25, which this device is not
wanpipe1.conf:24: STATION: 'X' is not one of its words; allowed: CPE, NODE, DTE, DCE
wanpipe1.conf:26: warning: FE_MEDIA: ignored: no such board is driven here
wanpipe1.conf:28: BC: without a CIR; allowed: CIR = kbit/s beside it
wanpipe1.conf:29: BRIDGE_NAME: wp1fr16 is not used as BRIDGE; allowed: mode BRIDGE
wanpipe1.conf:30: warning: PAP: ignored: a key of WAN_PPP
wanpipe1.conf:31: CIR: '0' is out of range; allowed: 1 to 1000000
wanpipe1.conf:32: warning: [wp1fr99]: ignored: neither a device nor an interface of this file";
    let outcome = parse("wanpipe1.conf", text);
    assert_eq!(said(&outcome), golden);
    assert!(outcome.accept().is_err());
}

#[test]
fn how_keys_go_together() {
    let fr = |interfaces: &str, keys: &str| {
        let text = format!(
            "[devices]\nw = WAN_FR\n[interfaces]\n{interfaces}\n[w]\nLINE=cable:a\n{keys}\n"
        );
        parse("f", &text)
    };
    let error = |interfaces: &str, keys: &str| said(&fr(interfaces, keys));
    assert!(error("", "STATION=NODE").contains("a node without channels"));
    assert_eq!(error("", "STATION=NODE\nDLCINUMBER=4"), "");
    assert!(error("a = w, auto, WANPIPE", "STATION=NODE").contains("a node cannot take"));
    assert!(error("a = w, auto, WANPIPE\nb = w, 17, WANPIPE", "").contains("auto is for the only"));
    // The originals wanted the DLCIs in order; here each must only be its own.
    assert_eq!(error("a = w, 17, WANPIPE\nb = w, 16, WANPIPE", ""), "");
    assert!(error("a = w, 16, BRIDGE, text, with, commas", "").is_empty());
    assert!(error("a = w, 16, WANPIPE, lapb, lapb.a", "").contains("stacked"));
    assert!(error("w = w, 16, WANPIPE", "").contains("another section"));
    assert!(error("a = w, auto, WANPIPE", "SIGNALLING=NO").contains("no switch reports"));
    let often = error("a = w, 16, WANPIPE", "[a]\nINARPINTERVAL=20ms");
    assert!(often.contains("0, or 1 to 100 seconds"), "{often}");
    assert!(error("", "MTU=1\nMTU=1500").contains("out of range"));
    assert!(error("", "MTU=1500\nMTU=1400").contains("given twice; '1500' on line 7"));
    assert!(error("", "TTY=YES").contains("of WAN_CHDLC alone"));
    let both = fr(
        "",
        "SIGNALLING=AUTO\nSTATION=1\nNUMBER_OF_DLCI=2\nUDPPORT=0x2328, 1",
    );
    assert!(
        said(&both).contains("a comma ends the value"),
        "{}",
        said(&both)
    );
    let device = &both.devices[0];
    assert_eq!((device.udp_port, device.tty), (9000, None));
    let Protocol::FrameRelay(link) = &device.protocol else {
        panic!("not Frame Relay");
    };
    assert_eq!(
        (link.signalling, link.station),
        (Signalling::Auto, Station::Node)
    );

    let chdlc = |interfaces: &str, rest: &str| {
        let text = format!(
            "[devices]\nw = WAN_CHDLC\n[interfaces]\n{interfaces}\n[w]\nLINE=cable:a\n{rest}\n"
        );
        parse("f", &text)
    };
    assert!(said(&chdlc("a = w,,WANPIPE\nb = w,,WANPIPE", "")).contains("one interface"));
    assert!(said(&chdlc("a = w,,BRIDGE", "")).contains("needs Frame Relay"));
    assert!(said(&chdlc("a = w,,WANPIPE", "TTY=YES")).contains("w is a terminal"));
    assert!(said(&chdlc("", "TTY=YES\nTTY_MINOR=4")).contains("out of range"));
    assert!(said(&chdlc("", "TTY_MODE=ASYNC")).contains("without effect"));
    let two = "[devices]\nw = WAN_CHDLC\nx = WAN_CHDLC\n[interfaces]\n\
               [w]\nLINE=cable:a\nTTY=YES\n[x]\nLINE=cable:b\nTTY=YES\nTTY_MINOR=0\n";
    assert!(said(&parse("f", two)).contains("the terminal 0 is that of w"));
    assert!(said(&chdlc("a = w,,WANPIPE", "T391 = 10")).contains("a key of WAN_FR"));
    assert!(said(&chdlc("a = w,,WANPIPE", "[a]\nKEEPALIVE_RX_TIMER=5s")).contains("shorter than"));
    // Old files have these keys in the device's section; the interface's win.
    let device = &chdlc(
        "a = w,,WANPIPE",
        "SLARP_TIMER=1000\nIGNORE_DCD=YES\n[a]\nSLARP_TIMER=2s",
    )
    .devices[0];
    let Channel::CiscoHdlc(channel) = &device.interfaces[0].channel else {
        panic!("not Cisco HDLC");
    };
    assert_eq!(
        (channel.slarp, channel.ignore_dcd),
        (Duration::from_secs(2), true)
    );
    let device = &chdlc("a = w,,WANPIPE", "[a]\nHDLC_STREAMING=YES").devices[0];
    assert!(matches!(
        &device.interfaces[0].channel,
        Channel::CiscoHdlc(c) if c.ignore_dcd && c.ignore_cts && c.ignore_keepalive
    ));
}

#[test]
fn several_devices_in_a_file() {
    let text = "[interfaces]\nb1 = two,,WANPIPE\na16 = one, 16, WANPIPE\n[two]\nLINE=cable:b\n\
                [one]\nLINE=cable:a\n[devices]\none = WAN_FR\ntwo = WAN_CHDLC\n";
    let (devices, warnings) = parse("f", text).accept().unwrap();
    assert!(warnings.is_empty());
    let names: Vec<_> = devices
        .iter()
        .map(|d| (d.name.as_str(), d.interfaces[0].name.as_str()))
        .collect();
    assert_eq!(names, [("one", "a16"), ("two", "b1")]);
}

#[test]
fn a_device_out_of_words() {
    let words = |line: &str| words::parse(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
    let line = "[devices] wanpipe1 WAN_FR Text [interfaces] wp1_fr16 wanpipe1 16 WANPIPE \
                [wanpipe1] LINE udp:[::1]:5001,[::1]:5002 MTU 1400 [wp1_fr16] CIR 64";
    let outcome = words(line);
    assert_eq!(said(&outcome), "");
    let device = &outcome.devices[0];
    assert_eq!((device.mtu, device.description.as_str()), (1400, "Text"));
    assert!(matches!(
        &device.interfaces[0].channel,
        Channel::FrameRelay(c) if c.committed
            == Some(CommittedRate { cir: 64_000, bc: 64_000, be: 0 })
    ));
    let chdlc = words("[devices] w WAN_CHDLC [interfaces] a w - WANPIPE [w] LINE cable:x");
    assert_eq!(said(&chdlc), "");

    let wrong = words("stray [devices] w [interfaces] a w [w] MTU [w] LINE cable:x");
    let all = said(&wrong);
    for part in [
        "command line: stray: not in a section",
        "command line: [devices]: 1 words",
        "command line: [interfaces]: 2 words, which is no multiple of 4",
        "command line: MTU: no value in [w]",
        "command line: [w]: given twice",
    ] {
        assert!(all.contains(part), "{part}: {all}");
    }
}

#[test]
fn interface_files() {
    let mut diagnostics = Diagnostics::new("wp1_fr16");
    let ip = IpConf::parse(INTERFACE_FILE, "wp1_fr16", Usage::Wanpipe, &mut diagnostics).unwrap();
    assert_eq!(diagnostics.to_string(), "");
    assert_eq!(ip.address, Some("202.1.1.1".parse().unwrap()));
    assert_eq!(
        (ip.prefix, ip.peer),
        (24, Some("202.1.1.2".parse().unwrap()))
    );
    assert_eq!(ip.ipv6, [("fd00:1:1::1".parse().unwrap(), 64)]);
    assert_eq!((ip.gateway, ip.broadcast), (None, None));

    let read = |text: &str, usage: Usage| {
        let mut diagnostics = Diagnostics::new("i");
        let ip = IpConf::parse(text, "i", usage, &mut diagnostics);
        (ip, diagnostics.to_string())
    };
    assert_eq!(
        read("# nothing\n", Usage::Wanpipe).0,
        None,
        "an empty file is none"
    );
    let (ip, _) = read("IPADDR=10.0.0.1\nGATEWAY=0.0.0.0\n", Usage::Wanpipe);
    assert_eq!(ip.as_ref().unwrap().gateway, Some(Gateway::Device));
    assert_eq!(ip.unwrap().prefix, 32);
    let (ip, said) = read("IPADDR=\nGATEWAY=10.0.0.2\n", Usage::Wanpipe);
    assert_eq!(ip.unwrap().gateway, None);
    assert!(
        said.contains("i:2: warning: GATEWAY: without effect"),
        "{said}"
    );
    assert_eq!(
        read("IPADDR=10.0.0.1\n", Usage::BridgeNode)
            .0
            .unwrap()
            .prefix,
        24
    );
    let (_, said) = read(
        "IPADDR=10.0.0.1\nNETMASK=255.255.255.255\n",
        Usage::BridgeNode,
    );
    assert!(
        said.contains("i:2: NETMASK: a host of a bridged network"),
        "{said}"
    );
    let (_, said) = read(
        "DEVICE=j\nIPADDR=300.1.1.1\nNETMASK=255.0.255.0\nIPV6ADDR='10.0.0.1/8 fd00::1 ff02::1/8'\n",
        Usage::Wanpipe,
    );
    for part in [
        "i:1: warning: DEVICE",
        "i:2: IPADDR: '300",
        "i:3: NETMASK",
        "i:4: IPV6ADDR",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(said.matches("IPV6ADDR").count(), 3, "{said}");
}

#[test]
fn settings_with_new_and_old_names() {
    let read = |text: &str| {
        let mut diagnostics = Diagnostics::new("rc");
        let settings = Settings::parse(text, &mut diagnostics);
        (settings, diagnostics.to_string())
    };
    assert_eq!(read(RC), (Settings::default(), String::new()));
    assert_eq!(read("").0, Settings::default());
    let (old, said) = read(
        "ROUTER_BOOT=NO\nWANPIPE_CONF_DIR=/usr/local/wanrouter\nROUTER_LOG=/tmp/log\n\
         ROUTER_LOCK=/var/lock/subsys/wanrouter\nWAN_DEVICES=\"wanpipe2 wanpipe1\"\nWAN_DRIVERS=wanpipe\n",
    );
    assert_eq!(said, "");
    assert!(!old.boot);
    assert_eq!(old.conf_dir, PathBuf::from("/usr/local/wanrouter"));
    assert_eq!(
        old.interface_dir,
        PathBuf::from("/usr/local/wanrouter/interfaces")
    );
    assert_eq!(old.lock_dir, PathBuf::from("/var/lock/subsys"));
    assert_eq!(old.devices, ["wanpipe2", "wanpipe1"]);
    let (both, _) = read("WANPIPE_CONF_DIR=/old\nWAN_CONF_DIR=/new\n");
    assert_eq!(both.conf_dir, PathBuf::from("/new"));
    let (_, said) = read("WAN_CONF_DIR=etc\nROUTER_BOOT=perhaps\nWAN_DEVICES='../x a'\n");
    for part in [
        "rc:1: WAN_CONF_DIR",
        "rc:2: ROUTER_BOOT",
        "rc:3: WAN_DEVICES: '../x'",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

/// A root of its own for a test, removed at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("conf-{}-{name}", std::process::id()));
        fs::create_dir_all(path.join("etc/wanpipe/interfaces")).unwrap();
        Self(path)
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.0.join(path), text).unwrap();
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn devices_out_of_files() {
    let scratch = Scratch::new("load");
    let root = Root::new(Some(&scratch.0));
    assert!(Settings::load(&root).unwrap_err().is_absent());
    scratch.write("etc/wanpipe/wanrouter.rc", RC);
    scratch.write("etc/wanpipe/global.conf", "NEW_IF_TYPE=YES\n");
    let (settings, warnings) = Settings::load(&root).unwrap();
    assert!(warnings.is_empty() && settings.new_if_type);

    assert!(
        load::device(&root, &settings, "wanpipe1")
            .unwrap_err()
            .is_absent()
    );
    scratch.write("etc/wanpipe1.conf", FR);
    let outcome = load::device(&root, &settings, "wanpipe1").unwrap();
    assert_eq!(outcome.devices[0].without_addresses().count(), 1);
    scratch.write("etc/wanpipe/interfaces/ifcfg-wp1_fr16", INTERFACE_FILE);
    scratch.write("etc/wanpipe/wanpipe1.conf", &FR.replace("1500", "1400"));
    let (devices, warnings) = load::device(&root, &settings, "wanpipe1")
        .unwrap()
        .accept()
        .unwrap();
    assert!(warnings.is_empty(), "{warnings}");
    assert_eq!(devices[0].mtu, 1400, "the configured directory comes first");
    assert_eq!(devices[0].without_addresses().count(), 0);
    scratch.write("etc/wanpipe/interfaces/ifcfg-wp1_fr16", "IPADDR=x\n");
    let refused = load::device(&root, &settings, "wanpipe1")
        .unwrap()
        .accept()
        .unwrap_err();
    assert!(
        refused.to_string().contains("ifcfg-wp1_fr16:1: IPADDR"),
        "{refused}"
    );
}

proptest! {
    #[test]
    fn any_text_is_read(text in "(\\[(devices|interfaces|w|a)\\]|\n|w|a| = |WAN_FR|WAN_CHDLC|, |16|auto|WANPIPE|LINE|cable:x|CIR|N392|STATION|NODE|[0-9]|\\PC){0,60}") {
        fuzz_parse(text.as_bytes());
    }

    #[test]
    fn any_values_are_checked(
        keys in proptest::collection::vec((0..LINK.len(), "[0-9a-zA-Z.:%]{0,10}"), 0..20),
        own in proptest::collection::vec((0..INTERFACE.len(), "([0-9]{1,6}|YES|NO|[a-z]{1,4})"), 0..20),
        link in prop_oneof![Just("WAN_FR"), Just("WAN_CHDLC")],
    ) {
        let mut text = format!("[devices]\nw = {link}\n[interfaces]\na = w, 16, WANPIPE\n[w]\nLINE = cable:x\n");
        for (key, value) in keys {
            text.push_str(&format!("{} = {value}\n", LINK[key].name));
        }
        text.push_str("[a]\n");
        for (key, value) in own {
            text.push_str(&format!("{} = {value}\n", INTERFACE[key].name));
        }
        fuzz_parse(text.as_bytes());
    }

    #[test]
    fn any_words_are_read(list in proptest::collection::vec("(\\[devices\\]|\\[interfaces\\]|\\[w\\]|w|WAN_FR|-|[a-z0-9]{1,4})", 0..16)) {
        let _ = words::parse(&list).accept();
    }

    #[test]
    fn any_files_are_read(text in "((IPADDR|NETMASK|GATEWAY|IPV6ADDR|WAN_DEVICES|WAN_LOCK)=|[0-9./:a-f \"']|\n|\\PC){0,60}") {
        let mut diagnostics = Diagnostics::new("f");
        let _ = IpConf::parse(&text, "i", Usage::Wanpipe, &mut diagnostics);
        let _ = Settings::parse(&text, &mut diagnostics);
    }
}
