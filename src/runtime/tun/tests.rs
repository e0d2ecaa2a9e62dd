use super::*;
use crate::netns::tests::namespace_or_skip;

#[test]
fn names() {
    for good in ["wp1_fr16", "a", "x2345678901234y", "eth0.5"] {
        assert!(check_name(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "x23456789012345y",
        ".",
        "..",
        "a/b",
        "a:1",
        "a b",
        "tap%d",
        "ü",
    ] {
        let error = Tun::open(bad, Mode::Tun, &Options::default()).unwrap_err();
        assert!(error.to_string().contains(&format!("'{bad}'")), "{error}");
    }
}

#[test]
fn a_name_is_held_once() {
    let Some(namespace) = namespace_or_skip() else {
        return;
    };
    namespace
        .run(|| {
            let first = match Tun::open("wbt0", Mode::Tun, &Options::default()) {
                Ok(tun) => tun,
                Err(TunError::NoDriver) => {
                    eprintln!("skipped: needs /dev/net/tun");
                    return;
                }
                Err(error) => panic!("{error}"),
            };
            assert_eq!(
                (first.name(), first.offload()),
                ("wbt0", Offload::default())
            );
            let second = Tun::open("wbt0", Mode::Tun, &Options::default()).unwrap_err();
            assert!(matches!(second, TunError::Busy { .. }), "{second}");
            let lo = Tun::open("lo", Mode::Tun, &Options::default()).unwrap_err();
            assert!(matches!(lo, TunError::NotOurs { .. }), "{lo}");
            drop(first);
            Tun::open("wbt0", Mode::Tap, &Options::default()).unwrap();
        })
        .unwrap();
}
