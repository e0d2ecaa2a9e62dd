//! Interfaces and what is behind them.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use serde_json::json;
use wanbox_net_engine::interface::Crc;
use wanbox_net_engine::{Encapsulation, Interface, InterfaceId};

use super::{json, rig, says};
use crate::fake::Rig;
use crate::{Asy, AsyPort, Device, Outer};

fn interface(rig: &Rig, name: &str) -> Interface {
    let id = rig.station.interfaces.by_name(name).unwrap();
    rig.station.interfaces.get(id).unwrap().clone()
}

#[test]
fn devices_of_all_kinds() {
    let asy = |port, mode, speed, auto| Device::Asy {
        port,
        mode,
        speed,
        auto,
    };
    let local = |port| AsyPort::Tcp(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port));
    for (line, name, mtu, device) in [
        (
            "attach asy 0 0 slip tty7 0 576 9600",
            "tty7",
            576,
            asy(
                AsyPort::Serial("/dev/tty7".into()),
                Encapsulation::Slip,
                9600,
                false,
            ),
        ),
        (
            "attach asy 7f000001 5001 kissi tnc0 0 256 9600 auto",
            "tnc0",
            256,
            asy(local(5001), Encapsulation::KissI, 9600, true),
        ),
        (
            "attach asy 127.0.0.1 5001 VJSLIP tnc0 1024 256 0 c",
            "tnc0",
            256,
            asy(local(5001), Encapsulation::VjSlip, 0, false),
        ),
        (
            "attach asy 0x7f000001 1 nrs n 0 256 1200 44.1.1.1",
            "n",
            256,
            asy(local(1), Encapsulation::Nrs, 1200, false),
        ),
        (
            "attach asy 2130706433 1 slip n 0 256 1200",
            "n",
            256,
            asy(local(1), Encapsulation::Slip, 1200, false),
        ),
        (
            "attach asy /dev/serial/by-id/x 0 ax25ui n 0 256 1200",
            "n",
            256,
            asy(
                AsyPort::Serial("/dev/serial/by-id/x".into()),
                Encapsulation::Ax25Ui,
                1200,
                false,
            ),
        ),
        ("attach netrom", "netrom", 256, Device::NetRom),
        ("attach axip", "axip", 256, Device::AxIp(Outer::Ip(93))),
        (
            "attach axip ax udp",
            "ax",
            256,
            Device::AxIp(Outer::Udp(93)),
        ),
        (
            "attach axip ax udp 10093",
            "ax",
            256,
            Device::AxIp(Outer::Udp(10093)),
        ),
        ("attach ipip", "ipip", 256, Device::IpIp(Outer::Ip(4))),
        ("attach ipip t ip 94", "t", 256, Device::IpIp(Outer::Ip(94))),
        (
            "attach ni ni 44.1.1.2",
            "ni",
            256,
            Device::Ni {
                host: Ipv4Addr::new(44, 1, 1, 2),
                mask: 0xff00_0000,
            },
        ),
        (
            "attach ni ni 44.1.1.2 255.255.0.0",
            "ni",
            256,
            Device::Ni {
                host: Ipv4Addr::new(44, 1, 1, 2),
                mask: 0xffff_0000,
            },
        ),
        ("attach tun t", "t", 256, Device::Tun { ethernet: false }),
        (
            "attach tun t 1500",
            "t",
            1500,
            Device::Tun { ethernet: false },
        ),
        (
            "attach ethertap tap0",
            "tap0",
            256,
            Device::Tun { ethernet: true },
        ),
        (
            "attach kernel bcsf0",
            "bcsf0",
            256,
            Device::Kernel { promiscuous: true },
        ),
        (
            "attach kernel bcsf0 nopromisc",
            "bcsf0",
            256,
            Device::Kernel { promiscuous: false },
        ),
    ] {
        let mut rig = rig(&["ip address 44.1.1.1", line]);
        let (_, made) = rig.process.devices.pop().unwrap();
        assert_eq!(made, device, "{line}");
        let interface = interface(&rig, name);
        assert_eq!(interface.mtu(), mtu, "{line}");
        assert_eq!(interface.address(), Ipv4Addr::new(44, 1, 1, 1));
    }
}

#[test]
fn devices_that_cannot_be() {
    says(
        &mut rig(&["attach asy 0 0 slip sl0 0 576 9600"]),
        &[
            (
                "attach asy 0 0 slip sl0 0 576 9600",
                "Interface sl0 already exists\n",
            ),
            (
                "attach asy 0 0 none sl1 0 576 9600",
                "Mode none unknown for interface sl1\n",
            ),
            (
                "attach asy 0 0 sli sl1 0 576 9600",
                "Unknown encapsulation sli\n",
            ),
            (
                "attach asy 0 0 slip sl1 0 27 9600",
                "mtu must be 28..65535\n",
            ),
            (
                "attach asy 0 0 slip sl1 0 576 x",
                "speed must be 0..4294967295\n",
            ),
            (
                "attach asy 0 70000 slip sl1 0 576 9600",
                "port must be 0..65535\n",
            ),
            (
                "attach asy tnc 1 slip sl1 0 576 9600",
                "Address tnc: 0, or hexadecimal or dotted digits are expected\n",
            ),
            ("attach asy 0 0 slip sl1 0 576 9600 x", "Unknown option x\n"),
            (
                "attach asy 0 0 slip sl1 0 576",
                "Usage: attach asy <address> <vector> slip|vjslip|ax25ui|ax25i|kissui|kissi|nrs <label> <buffers> <mtu> <speed> [ip_addr]\n",
            ),
            ("attach ipip sl0", "Interface sl0 already exists\n"),
            ("attach ipip t tcp", "Type must be IP or UDP\n"),
            ("attach ipip t ip 256", "protocol must be 1..255\n"),
            ("attach ipip t udp 0", "port must be 1..65535\n"),
            ("attach ni ni", "Usage: attach ni <label> <dest> [mask]\n"),
            ("attach ni ni nobody", "Unknown host nobody\n"),
            (
                "attach ni ni 44.1.1.1 255.0.255.0",
                "Invalid netmask 255.0.255.0\n",
            ),
            ("attach tun", "Usage: attach tun <label> <mtu>\n"),
            ("attach ethertap", "Usage: attach ethertap <label>\n"),
            (
                "attach kernel x y",
                "Usage: attach kernel <iface> [nopromisc]\n",
            ),
            ("attach netrom", ""),
            ("attach netrom", "Interface netrom already exists\n"),
        ],
    );
}

#[test]
fn settings_of_interfaces() {
    let mut rig = rig(&[
        "ip address 44.128.4.4",
        "attach asy 0 0 kissi tnc0 0 256 9600",
        "attach asy 0 0 slip sl0 0 576 9600",
        "ifconfig tnc0 ipaddress 44.128.4.9 netmask 255.255.255.0 broadcast 44.128.4.255 \
         linkaddress DB0SAO-1 mtu 216 txqlen 20 crc 16 autoroute off forward sl0 rxbuf 99",
    ]);
    let tnc = interface(&rig, "tnc0");
    assert_eq!(
        (tnc.mtu(), tnc.txqlen, tnc.crc, tnc.autoroute),
        (216, 20, Crc::Crc16, false)
    );
    rig.process.lines.queued = 3;
    rig.process.uptime = Duration::from_secs(75);
    says(
        &mut rig,
        &[
            (
                "ifconfig tnc0",
                "tnc0       IP addr 44.128.4.9 MTU 216 Link encap KISSI\n\
                 \x20          Link addr DB0SAO-1\n\
                 \x20          trace 0x0 netmask 0xffffff00 broadcast 44.128.4.255\n\
                 \x20          output forward to sl0\n\
                 \x20          sent: ip 0 tot 0 idle 0:00:01:15 qlen 3/20 BUSY\n\
                 \x20          recv: ip 0 tot 0 idle 0:00:01:15\n\
                 \x20          crc-16 enabled crc errors 0 bad ax25 headers 0\n\
                 \tcounters of the line\n",
            ),
            (
                "route",
                "Dest               Len Interface    Gateway            Metric P   Timer Use\n\
                 44.128.4.255       32  tnc0                            1      P       0 0\n\
                 44.128.4.0         24  tnc0                            0              0 0\n",
            ),
            ("ifconfig tnc0 forward tnc0 crc off encap ax25ui", ""),
            ("ifconfig tnc0 mtu", "Argument missing\n"),
            ("ifconfig tnc0 mtu 100 txqlen", "Argument missing\n"),
            ("ifconfig tnc0 mtu 27", "MTU 27: must be 28..65535\n"),
            (
                "ifconfig tnc0 netmask 255.0.255.0",
                "Invalid netmask 255.0.255.0\n",
            ),
            (
                "ifconfig tnc0 encapsulation token",
                "Encapsulation mode 'token' unknown\n",
            ),
            (
                "ifconfig sl0 linkaddress DB0SAO",
                "Can't set link address\n",
            ),
            (
                "ifconfig tnc0 crc 8",
                "Valid options: off 16 RMNC CCITT test\n",
            ),
            (
                "ifconfig tnc0 mtu 99 broadcast nobody",
                "Unknown host nobody\n",
            ),
            (
                "ifconfig tnc0 ?",
                "\"ifconfig\" subcommands:\n\
                 autoroute       broadcast       crc             encapsulation   forward\n\
                 ipaddress       linkaddress     mtu             netmask         txqlen\n\
                 rxbuf           offload         \n\n",
            ),
        ],
    );
    let tnc = interface(&rig, "tnc0");
    assert_eq!((tnc.mtu(), tnc.crc, tnc.forward()), (216, Crc::Off, None));
    assert_eq!(tnc.encapsulation, Encapsulation::Ax25Ui);
    let all = rig.say("ifconfig");
    let names: Vec<&str> = all
        .lines()
        .filter(|line| !line.starts_with(' '))
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(names, ["sl0", "tnc0", "loopback", "encap"]);
    let list = json(&mut rig, "ifconfig");
    assert_eq!(list.as_array().map(Vec::len), Some(4));
    assert_eq!(list[1], json(&mut rig, "ifconfig tnc0"));
    assert_eq!(list[1]["interface"], "tnc0");
    assert_eq!(list[1]["netmask"], "255.255.255.0");
    assert_eq!(list[1]["mtu_octets"], 216);
    assert_eq!(
        list[1]["sent"],
        json!({"datagrams": 0, "packets": 0, "idle_seconds": null})
    );
    assert_eq!(list[3]["interface"], "encap");
}

#[test]
fn lines_and_their_parameters() {
    let mut rig = rig(&["attach asy 0 0 slip sl0 0 576 9600", "attach ipip"]);
    rig.process.asy = Asy {
        up: true,
        speed: 9600,
        interrupts: [3, 4],
        octets: [100, 200],
        high_water: 64,
        busy: true,
    };
    let shown = "sl0: [UP] 9600 bps\n RX: int 3 chars 100 hw hi 64\n TX: int 4 chars 200 BUSY\n";
    says(
        &mut rig,
        &[
            ("asystat", shown),
            ("asystat sl0", shown),
            ("asystat ipip", "Interface ipip not asy\n"),
            ("asystat sl0 ipip", "Interface ipip not asy\n"),
            ("param sl0", "Speed: 9600\n"),
            ("param sl0 speed 19200", ""),
            ("param sl0 sp", "Speed: 19200\n"),
            ("param sl0 10", "Speed: 19200\n"),
            ("param sl0 txd 40", "Parameter TxDelay not supported\n"),
            ("param sl0 12 0", "Parameter Group not supported\n"),
            ("param sl0 77", "Parameter 77 not supported\n"),
            ("param sl0 Up", "Up: 1\n"),
            ("param sl0 down", "Down: 1\n"),
            ("param sl0 bogus", "Unknown parameter bogus\n"),
            ("param sl0 300", "Unknown parameter 300\n"),
            ("param sl0 speed x", "Speed must be 0..4294967295\n"),
            ("param ipip", "Not supported\n"),
            ("param ipip up", "Not supported\n"),
        ],
    );
    assert!(!interface(&rig, "sl0").up);
    assert_eq!(json(&mut rig, "param sl0"), json!({"speed": 19200}));
    assert_eq!(
        json(&mut rig, "asystat"),
        json!([{"interface": "sl0", "up": true, "speed_bps": 9600, "reads": 3, "writes": 4,
            "received_octets": 100, "sent_octets": 200, "longest_read_octets": 64, "busy": true}])
    );
}

#[test]
fn traces() {
    let mut rig = rig(&["attach ipip"]);
    let usage = "Usage: trace [<iface> [<flags>|[-]input|[-]output|[-]broadcast|[-]raw|[-]ascii|[-]hex|off [<file>]]]\n";
    says(
        &mut rig,
        &[
            (
                "trace",
                "ipip: tracing off\nloopback: tracing off\nencap: tracing off\n",
            ),
            ("trace ipip 211 tnc.pcap", ""),
            ("trace ipip", "ipip: input output (Hex/ASCII dump)\n"),
            ("trace ipip -i", ""),
            ("trace ipip", "ipip: output (Hex/ASCII dump)\n"),
            (
                "trace ipip input /nowhere/x",
                "Can't write to /nowhere/x: No such file or directory\n",
            ),
            ("trace ipip", "ipip: output (Hex/ASCII dump)\n"),
            ("trace ipip everything", usage),
            ("trace eth0", "Interface eth0 unknown\n"),
        ],
    );
    let id = rig.station.interfaces.by_name("ipip").unwrap();
    assert_eq!(
        rig.process.traces,
        [(7, id, Some("tnc.pcap".to_owned())), (7, id, None)]
    );
    assert_eq!(
        json(&mut rig, "trace")[0],
        json!({"interface": "ipip", "input": false, "output": true, "broadcasts": true,
            "dump": "hex", "raw": false})
    );
    assert_ne!(id, InterfaceId::LOOPBACK);
}
