use wanbox_wire::ax25::{Call, Digi};

use crate::connection::Extended;

use super::{MOST_ROUTES, Next, Routes};
use crate::Port;

fn call(word: &str) -> Call {
    Call::parse(word).unwrap()
}

fn calls(words: &str) -> Vec<Call> {
    words.split_whitespace().map(call).collect()
}

fn path(routes: &Routes, station: &str, room: usize) -> Option<(String, Port)> {
    let (digis, port) = routes.path(call(station), room)?;
    let digis: Vec<String> = digis.iter().map(|digi| digi.call.to_string()).collect();
    Some((digis.join(","), port))
}

#[test]
fn entries_follow_one_another() {
    let mut routes = Routes::default();
    assert_eq!(path(&routes, "DB0AAA", 8), None);
    routes.default = Some(Port(9));
    assert_eq!(path(&routes, "DB0AAA", 8), Some((String::new(), Port(9))));
    assert!(routes.add(5, Port(2), &calls("DIGI1 DIGI2"), call("DB0AAA"), false));
    assert_eq!(
        path(&routes, "DB0AAA", 8),
        Some(("DIGI1,DIGI2".to_owned(), Port(2)))
    );
    assert_eq!(
        path(&routes, "DIGI2", 8),
        Some(("DIGI1".to_owned(), Port(2)))
    );
    assert_eq!(path(&routes, "DIGI1", 8), Some((String::new(), Port(2))));
    assert_eq!(
        path(&routes, "DB0AAA", 1),
        None,
        "more than there is room for"
    );
    assert_eq!(routes.count(), (vec![(Port(2), 3)], 0));
    assert!(!routes.add(5, Port(2), &calls("DB0AAA"), call("DB0AAA"), true));
    assert!(!routes.add(5, Port(2), &[], Call::QST, true));
    routes.remove_port(Port(2));
    assert_eq!(
        routes.count().1,
        0,
        "those behind a line that is gone go by the default one"
    );
    assert_eq!(path(&routes, "DIGI1", 8), Some((String::new(), Port(9))));
}

#[test]
fn what_is_heard_is_learned_but_changes_nothing_permanent() {
    let mut routes = Routes::default();
    let nobody = |_| false;
    let passed: Vec<Digi> = calls("NEAR2 NEAR1").into_iter().map(Digi::new).collect();
    assert!(routes.learn(1, Port(3), call("FAR"), &passed, &nobody));
    assert_eq!(
        path(&routes, "FAR", 8),
        Some(("NEAR1,NEAR2".to_owned(), Port(3)))
    );
    assert!(routes.take_changed() && !routes.has_changed());
    assert!(routes.learn(2, Port(3), call("FAR"), &passed, &nobody));
    assert!(!routes.has_changed());
    assert_eq!(routes.get(call("FAR")).unwrap().used, 2);
    assert!(routes.add(3, Port(4), &[], call("FAR"), true));
    assert!(routes.learn(7, Port(3), call("FAR"), &passed, &nobody));
    let entry = routes.get(call("FAR")).unwrap();
    assert_eq!((entry.next, entry.used), (Next::Port(Port(4)), 7));
    // Our own frames come back; somebody plays tricks.
    let own = |of: Call| of == call("NEAR1");
    assert!(!routes.learn(8, Port(1), call("OTHER"), &passed, &own));
    assert!(!routes.learn(8, Port(1), call("NEAR1"), &[], &own));
    let twice: Vec<Digi> = calls("NEAR2 NEAR2").into_iter().map(Digi::new).collect();
    assert!(!routes.learn(8, Port(1), call("OTHER"), &twice, &nobody));
    assert!(!routes.learn(8, Port(1), Call::NONE, &[], &nobody));
    assert_eq!(routes.get(call("OTHER")), None);
}

#[test]
fn circles_lead_nowhere() {
    let mut routes = Routes::default();
    routes.add(1, Port(1), &calls("AAA"), call("BBB"), true);
    routes.add(1, Port(1), &calls("BBB"), call("AAA"), true);
    assert_eq!(path(&routes, "CCC", 8), None);
    // The later one made BBB a neighbour again.
    assert!(path(&routes, "AAA", 8).is_some());
    let mut words: Vec<String> = (0..9).map(|at| format!("D{at}")).collect();
    for pair in words.clone().windows(2) {
        let [near, far] = pair else { unreachable!() };
        let next = Next::Digi(call(near));
        routes.set(call(far), next, false, 1);
    }
    routes.set(call("D0"), Next::Digi(call("D8")), false, 1);
    words.reverse();
    for word in words {
        assert_eq!(path(&routes, &word, 8), None, "{word}");
    }
}

#[test]
fn the_oldest_of_what_was_learned_make_room() {
    let mut routes = Routes::default();
    routes.add(-5, Port(0), &[], call("OLD"), true);
    for at in 0..20_000u32 {
        let [_, a, b, c] = at.to_be_bytes();
        let letter = |octet: u8| [b'A' + octet / 16, b'A' + octet % 16];
        let [a, b, c] = [letter(a), letter(b), letter(c)];
        let name = Call::named([a[0], a[1], b[0], b[1], c[0], c[1]]);
        routes.learn(at.into(), Port(1), name, &[], &|_| false);
        assert!(routes.table.len() <= MOST_ROUTES);
    }
    assert!(routes.listed().len() <= MOST_ROUTES && routes.forgotten > 0);
    assert!(routes.get(call("OLD")).is_some());
}

#[test]
fn jumpstart_is_for_a_call_sign() {
    let mut routes = Routes::default();
    routes.set_jumpstart(call("DB0AAA"), false);
    assert!(routes.listed().is_empty());
    routes.set_jumpstart(call("DB0AAA"), true);
    assert!(routes.jumpstart(call("DB0AAA")) && !routes.jumpstart(call("DB0AAA-1")));
    assert_eq!(routes.count(), (Vec::new(), 1));
    routes.learn(1, Port(1), call("DB0AAA"), &[], &|_| false);
    assert!(routes.jumpstart(call("DB0AAA")));
    routes.set_jumpstart(call("DB0AAA"), false);
    assert_eq!(routes.listed().len(), 1);
}

#[test]
fn version_2_2_is_for_a_call_sign() {
    let mut routes = Routes::default();
    routes.add(1, Port(1), &[], call("DB0AAA"), false);
    routes.set_extended(call("DB0AAA"), Some(Extended::Offered));
    routes.set_extended(call("DB0BBB"), None);
    assert_eq!(routes.listed().len(), 1);
    routes.remove_port(Port(1));
    assert_eq!(routes.extended(call("DB0AAA")), Some(Extended::Offered));
    assert_eq!(routes.extended(call("DB0AAA-1")), None);
    routes.set_extended(call("DB0AAA"), None);
    assert!(routes.listed().is_empty());
}
