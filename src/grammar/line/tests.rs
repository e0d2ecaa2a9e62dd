use super::*;
use proptest::prelude::*;

fn read(text: &str) -> Line {
    text.parse().unwrap_or_else(|why| panic!("{text}: {why}"))
}

#[test]
fn the_kinds() {
    assert_eq!(read("cable:demo").kind, Kind::Cable("demo".to_owned()));
    assert_eq!(read("packet:hdlc0").kind, Kind::Packet("hdlc0".to_owned()));
    assert_eq!(
        read("lapbether:eth0").kind,
        Kind::Lapbether("eth0".to_owned())
    );
    let line = read("cable:demo loss=1% delay=20ms queue=64");
    assert_eq!(line.loss, 10_000);
    assert_eq!(line.delay, Duration::from_millis(20));
    assert_eq!(line.queue, Some(64));
    let Kind::Udp { local, remote } = read("udp:[::]:5001,[fd00::2]:5002").kind else {
        panic!("udp");
    };
    assert_eq!(local.host, Host::Address("::".parse().unwrap()));
    assert_eq!((local.port, remote.port), (5001, 5002));
    let Kind::Udp { remote, .. } = read("udp:0.0.0.0:1,far.example.org:65535").kind else {
        panic!("udp");
    };
    assert_eq!(remote.host, Host::Name("far.example.org".to_owned()));
}

#[test]
fn the_kinds_that_are_streams() {
    let line = read("tty:/dev/ttyUSB0 flow=rtscts dcd=ignore queue=8");
    assert_eq!(line.queue, Some(8));
    assert_eq!(
        line.kind,
        Kind::Tty {
            device: "/dev/ttyUSB0".into(),
            flow: Flow::RtsCts,
            ignore_dcd: true,
        }
    );
    assert_eq!(read("pty:/run/line").kind, Kind::Pty("/run/line".into()));
    let Kind::Tcp(remote) = read("tcp:terminal-server:2001").kind else {
        panic!("tcp");
    };
    assert_eq!(remote.to_string(), "terminal-server:2001");
    let text = "tcp-listen:[::]:2001 source=fd00::/16";
    assert_eq!(read(text).to_string(), text);
    for (text, whole) in [
        ("xot:far.example", "xot:far.example:1998"),
        ("xot:[fd00::1]", "xot:[fd00::1]:1998"),
        ("xot-listen:0.0.0.0", "xot-listen:0.0.0.0:1998"),
        (
            "xot:10.0.0.1:2000 listen=[::] source=fd00::/16 interface=Serial1/0",
            "xot:10.0.0.1:2000 listen=[::]:1998 source=fd00::/16 interface=Serial1/0",
        ),
    ] {
        assert_eq!(read(text).to_string(), whole);
    }
    for stream in ["tty:/dev/x", "pty:/x", "tcp:h:1", "tcp-listen:h:1"] {
        assert!(read(stream).kind.is_stream(), "{stream}");
    }
    assert!(!read("cable:x").kind.is_stream());
}

#[test]
fn what_is_wrong_is_said() {
    for (text, said) in [
        ("", "no line"),
        ("demo", "KIND:PLACE"),
        ("wire:x", "unknown kind of line 'wire'"),
        ("tty:ttyS0", "absolute path"),
        ("pty:/run/", "absolute path"),
        ("tty:/dev/ttyS0 flow=x", "none, rtscts, xonxoff"),
        ("tty:/dev/ttyS0 dcd=no", "watch, ignore"),
        ("pty:/run/line dcd=ignore", "unknown line option 'dcd'"),
        ("tcp:1.2.3.4", "HOST:PORT"),
        ("tcp:0.0.0.0:1", "one host"),
        ("tcp-listen::1", "neither an address nor"),
        ("tcp-listen:0.0.0.0:1 source=1.2.3.4/33", "prefix"),
        ("xot:0.0.0.0", "one host"),
        ("xot:host:0", "port"),
        ("xot:host loss=1%", "nobody to send"),
        ("xot:fd00::1", "brackets"),
        ("xot:h source=10.0.0.0/8", "behind listen="),
        (
            "xot-listen:0.0.0.0 listen=0.0.0.0",
            "unknown line option 'listen'",
        ),
        (
            "xot-listen:0.0.0.0 interface=x",
            "unknown line option 'interface'",
        ),
        ("xot-listen:0.0.0.0 source=1.2.3.4/33", "prefix"),
        ("cable:", "cable's name"),
        ("cable:../x", "cable's name"),
        ("cable:a/b", "cable's name"),
        ("packet:too-long-a-name-x", "interface name"),
        ("udp:1.2.3.4:5", "LOCAL:PORT,REMOTE:PORT"),
        ("udp:1.2.3.4:0,1.2.3.5:1", "port"),
        ("udp:1.2.3.4:1,0.0.0.0:1", "one host"),
        ("udp:1.2.3.4:1,[fd00::1]:1", "one IP version"),
        ("udp:1.2.3.4:1,fd00::1:1", "brackets"),
        ("udp:1.2.3.4:1,[fd00::1:1", "']'"),
        ("udp:1.2.3.4:1,1.2.3:1", "neither an address nor"),
        ("cable:a loss", "OPTION=VALUE"),
        ("cable:a loss=2", "percentage"),
        ("cable:a delay=20", "delay"),
        ("cable:a delay=61s", "delay"),
        ("cable:a queue=0", "queue"),
        ("cable:a speed=1", "unknown line option 'speed'"),
        ("cable:a loss=1% loss=2%", "twice"),
    ] {
        let why = text.parse::<Line>().unwrap_err();
        assert!(why.contains(said), "{text}: {why}");
    }
}

fn endpoints() -> impl Strategy<Value = Kind> {
    let v4 = (any::<[u8; 4]>(), "[a-z]{1,8}(\\.[a-z]{2,4})?", 1..=u16::MAX).prop_map(
        |(address, name, port)| Kind::Udp {
            local: Endpoint {
                host: Host::Address(address.into()),
                port,
            },
            remote: Endpoint {
                host: Host::Name(name),
                port,
            },
        },
    );
    let v6 = (any::<[u8; 16]>(), 1..=u16::MAX)
        .prop_map(|(address, port)| Endpoint {
            host: Host::Address(address.into()),
            port,
        })
        .prop_filter("one host", |e| match e.host {
            Host::Address(a) => !a.is_unspecified() && !a.is_multicast(),
            Host::Name(_) => false,
        })
        .prop_map(|remote| Kind::Udp {
            local: remote.clone(),
            remote,
        });
    let path = || "/[a-zA-Z0-9/._-]{0,30}[a-z]";
    let flow = prop_oneof![Just(Flow::None), Just(Flow::RtsCts), Just(Flow::XonXoff)];
    let tty = (path(), flow, any::<bool>()).prop_map(|(device, flow, ignore_dcd)| Kind::Tty {
        device,
        flow,
        ignore_dcd,
    });
    let endpoint = ("[a-z]{1,8}", 1..=u16::MAX).prop_map(|(name, port)| Endpoint {
        host: Host::Name(name),
        port,
    });
    let source = proptest::option::of(
        (any::<[u8; 4]>(), 0..=32u8).prop_map(|(host, bits)| (host.into(), bits)),
    );
    prop_oneof![
        v4,
        v6,
        tty,
        path().prop_map(Kind::Pty),
        endpoint.clone().prop_map(Kind::Tcp),
        (endpoint.clone(), source.clone())
            .prop_map(|(local, source)| Kind::TcpListen { local, source }),
        (endpoint.clone(), proptest::option::of((endpoint, source))).prop_map(|(end, other)| {
            let (local, source) = other.unzip();
            Kind::Xot(Box::new(Xot {
                remote: Some(end),
                local,
                source: source.flatten(),
                interface: Some("Serial0".to_owned()),
            }))
        }),
        "[a-zA-Z0-9_-]{1,32}".prop_map(Kind::Cable),
        "[a-z][a-z0-9.]{0,14}".prop_map(Kind::Packet),
        "[a-z][a-z0-9.]{0,14}".prop_map(Kind::Lapbether),
    ]
}

proptest! {
    #[test]
    fn lines_read_back(
        kind in endpoints(),
        loss in 0..=1_000_000u32,
        delay in 0..=60_000u64,
        queue in proptest::option::of(1..=100_000u32),
    ) {
        let loss = if matches!(kind, Kind::Xot(_)) { 0 } else { loss };
        let line = Line { kind, loss, delay: Duration::from_millis(delay), queue };
        prop_assert_eq!(line.to_string().parse(), Ok(line.clone()));
        let json = serde_json::to_string(&line).unwrap();
        prop_assert_eq!(serde_json::from_str::<Line>(&json).unwrap(), line);
    }

    #[test]
    fn nothing_panics(text in "(cable:|udp:|packet:|lapbether:|tty:|pty:|tcp:|tcp-listen:|xot:|xot-listen:)?([a-z0-9:,.= %\\[\\]]|\\PC){0,30}") {
        fuzz_line(text.as_bytes());
    }
}
