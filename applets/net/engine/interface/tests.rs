use super::*;

fn with_two() -> (Interfaces, InterfaceId, InterfaceId) {
    let mut interfaces = Interfaces {
        default_address: Ipv4Addr::new(44, 128, 4, 4),
        ..Default::default()
    };
    let first = interfaces
        .attach(Interface::new("tnc0", Encapsulation::KissI, 256))
        .unwrap();
    let second = interfaces
        .attach(Interface::new("sl0", Encapsulation::Slip, 576))
        .unwrap();
    (interfaces, first, second)
}

#[test]
fn the_newest_is_listed_first() {
    let (interfaces, first, second) = with_two();
    let names: Vec<&str> = interfaces
        .iter()
        .map(|(_, interface)| interface.name())
        .collect();
    assert_eq!(names, ["sl0", "tnc0", "loopback", "encap"]);
    assert_eq!(interfaces.newest(), second);
    assert_eq!(interfaces.find("tnc0"), Ok(first));
    assert_eq!(
        interfaces.find("x").unwrap_err().to_string(),
        "Interface \"x\" unknown"
    );
    assert_eq!(Interfaces::default().newest(), InterfaceId::LOOPBACK);
}

#[test]
fn an_address_is_ours_as_long_as_an_interface_has_it() {
    let (mut interfaces, first, second) = with_two();
    let address = Ipv4Addr::new(44, 128, 4, 4);
    assert!(interfaces.is_own(address) && interfaces.is_own(Ipv4Addr::LOCALHOST));
    assert!(interfaces.is_own(Ipv4Addr::UNSPECIFIED));
    interfaces.set_address(first, Ipv4Addr::new(44, 1, 1, 1));
    assert!(interfaces.is_own(address));
    interfaces.set_address(second, Ipv4Addr::new(44, 1, 1, 1));
    assert!(!interfaces.is_own(address));
}

#[test]
fn wrong_settings_are_refused() {
    let (mut interfaces, first, second) = with_two();
    for (name, error) in [
        ("tnc0", InterfaceError::Exists("tnc0".into())),
        ("encap", InterfaceError::Exists("encap".into())),
        ("", InterfaceError::BadName(String::new())),
        ("a b", InterfaceError::BadName("a b".into())),
    ] {
        assert_eq!(
            interfaces.attach(Interface::new(name, Encapsulation::None, 1500)),
            Err(error)
        );
    }
    for (mtu, right) in [(27, false), (28, true), (65535, true), (65536, false)] {
        assert_eq!(interfaces.set_mtu(first, mtu).is_ok(), right, "{mtu}");
    }
    assert_eq!(
        interfaces.set_link_address(second, "N0PRA"),
        Err(InterfaceError::NoLinkAddress)
    );
    assert_eq!(
        interfaces.set_link_address(first, "1:2:3:4:5:6"),
        Err(InterfaceError::NoLinkAddress)
    );
    assert_eq!(interfaces.set_link_address(first, "N0PRA"), Ok(()));
    assert_eq!(interfaces.set_encapsulation(first, "ax25i"), Ok(()));
    assert!(interfaces.get(first).unwrap().link_address().is_some());
    let unknown = interfaces.set_encapsulation(first, "x").unwrap_err();
    assert_eq!(unknown.to_string(), "Encapsulation mode 'x' unknown");
    assert_eq!(interfaces.set_encapsulation(first, "netr"), Ok(()));
    assert_eq!(interfaces.get(first).unwrap().link_address(), None);
    interfaces.set_forward(first, "sl0");
    assert_eq!(interfaces.line(first), second);
    interfaces.set_forward(first, "tnc0");
    assert_eq!(interfaces.line(first), first);
}

#[test]
fn trace_takes_flags_and_words() {
    let (mut interfaces, first, _) = with_two();
    for (word, flags) in [
        ("11", 0x11),
        ("ascii", 0x111),
        ("h", 0x211),
        ("-hex", 0x111),
        ("-b", 0x1111),
        ("b", 0x0111),
        ("o", 0x0111),
        ("-o", 0x0110),
        ("-a", 0x0010),
        ("raw", 0x2010),
        ("of", 0),
        ("0x2011", 0x2011),
    ] {
        assert!(interfaces.set_trace(first, word), "{word}");
        assert_eq!(
            interfaces.get(first).unwrap().trace,
            TraceFlags(flags),
            "{word}"
        );
    }
    assert!(!interfaces.set_trace(first, "x") && !interfaces.set_trace(first, ""));
}
