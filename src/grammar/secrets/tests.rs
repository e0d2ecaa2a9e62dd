use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> (Secrets, Vec<String>) {
    let mut diagnostics = Diagnostics::new("chap-secrets");
    let read = Secrets::parse(text.as_bytes(), &mut diagnostics);
    (read, diagnostics.iter().map(ToString::to_string).collect())
}

fn secret<'s>(secrets: &'s Secrets, client: &str, server: &str) -> Option<&'s str> {
    let entry = secrets.find(client.as_bytes(), server.as_bytes())?;
    Some(std::str::from_utf8(entry.secret()).unwrap())
}

#[test]
fn words_quotes_and_comments() {
    let (read, said) = parse(
        "# client server secret\n\n\
         branch gate plain # a comment\r\n\
         \tquoted 'two words' \"it's\"\n\
         back\\ slash \"a \\\"b\\\"\" x#y\n\
         long \\\n  gate \\\n  three\\040\\101\\s\\t\n\
         \"\" \"\" nobody",
    );
    assert_eq!(said, [""; 0]);
    assert_eq!(secret(&read, "branch", "gate"), Some("plain"));
    assert_eq!(secret(&read, "quoted", "two words"), Some("it's"));
    assert_eq!(secret(&read, "back slash", "a \"b\""), Some("x#y"));
    assert_eq!(secret(&read, "long", "gate"), Some("three A \t"));
    assert_eq!(secret(&read, "", ""), Some("nobody"));
    assert_eq!(secret(&read, "branch", "other"), None);
    assert_eq!(read.iter().count(), 5);
}

#[test]
fn the_closest_line_is_found() {
    let (read, said) = parse(
        "* * anyone\n\
         branch * client\n\
         branch * later\n\
         * gate server\n\
         branch gate both\n",
    );
    assert_eq!(said, [""; 0]);
    assert_eq!(secret(&read, "branch", "gate"), Some("both"));
    assert_eq!(secret(&read, "other", "gate"), Some("server"));
    assert_eq!(secret(&read, "branch", "x"), Some("client"));
    assert_eq!(secret(&read, "other", "x"), Some("anyone"));
    let of_branch: Vec<_> = read.of_client(b"branch").map(Entry::secret).collect();
    let expected: [&[u8]; 5] = [b"client", b"later", b"both", b"anyone", b"server"];
    assert_eq!(of_branch, expected);
}

#[test]
fn addresses() {
    let (read, said) = parse(
        "a * s\n\
         b * s *\n\
         c * s -\n\
         d * s !10.0.0.1 10.0.0.0/24 192.0.2.7\n\
         e * s 2001:db8::/32\n\
         f * s 0.0.0.0/0 -- debug\n",
    );
    let warning = "chap-secrets:6: warning: --: options of pppd, which are not looked at";
    assert_eq!(said, [warning]);
    let allows = |client: &str, address: &str| {
        let entry = read.find(client.as_bytes(), b"").unwrap();
        entry.allows(address.parse().unwrap())
    };
    assert!(!allows("a", "10.0.0.2") && allows("b", "10.0.0.2") && !allows("c", "10.0.0.2"));
    assert!(!allows("d", "10.0.0.1") && allows("d", "10.0.0.255") && !allows("d", "10.0.1.0"));
    assert!(allows("d", "192.0.2.7") && !allows("d", "2001:db8::1"));
    assert!(allows("e", "2001:db8::1") && !allows("e", "2001:db9::1"));
    assert!(allows("f", "203.0.113.1") && !allows("f", "::1"));
    let offer = |client: &str| read.find(client.as_bytes(), b"").unwrap().offer();
    assert_eq!(offer("d"), Some("192.0.2.7".parse().unwrap()));
    assert_eq!((offer("a"), offer("b"), offer("e")), (None, None, None));
    assert!(!read.find(b"a", b"").unwrap().lists_addresses());
}

#[test]
fn wrong_lines_are_told_and_left_out() {
    let long = "x".repeat(256);
    let (read, said) = parse(&format!(
        "only two\n\
         open gate \"never ends\n\
         branch gate \"\"\n\
         branch gate \\400\n\
         {long} gate s\n\
         branch gate s host.example\n\
         branch gate s 10.0.0.0/33\n\
         branch gate @file\n"
    ));
    assert_eq!(read.iter().count(), 1);
    assert_eq!(secret(&read, "branch", "gate"), Some("@file"));
    let starts = [
        "chap-secrets:1: 2 of the three words that a line needs; allowed: CLIENT SERVER",
        "chap-secrets:2: a word that begins with \" does not end",
        "chap-secrets:3: secret: empty",
        "chap-secrets:4: a backslash before digits that are no octet",
        "chap-secrets:5: client: 256 octets; allowed: at most 255",
        "chap-secrets:6: address: word 4 of the line is none",
        "chap-secrets:7: address: word 4 of the line is none",
        "chap-secrets:8: warning: secret: it begins with '@'",
    ];
    assert_eq!(said.len(), starts.len(), "{said:?}");
    for (said, start) in said.iter().zip(starts) {
        assert!(said.starts_with(start), "{said}");
        assert!(!said.contains("never"), "no secret is told: {said}");
    }
}

#[test]
fn secrets_are_not_shown() {
    let (read, _) = parse("branch * geheim\n");
    assert_eq!(
        format!("{read:?}"),
        "Secrets { entries: [Entry(branch *)] }"
    );
}

proptest! {
    #[test]
    fn any_octets(text in vec(any::<u8>(), 0..200)) {
        fuzz_secrets(&text);
    }

    #[test]
    fn nearly_lines(text in "([a-c*!/.0-9 \"'\\\\#\n]){0,120}") {
        fuzz_secrets(text.as_bytes());
    }

    #[test]
    fn what_of_client_promises(
        lines in vec((0_u8..3, 0_u8..3), 0..8), client in 0_u8..3, server in 0_u8..3,
    ) {
        let name = |n: u8| ["*", "one", "two"][usize::from(n)];
        let mut text = String::new();
        for (n, (client, server)) in lines.iter().enumerate() {
            text += &format!("{} {} s{n}\n", name(*client), name(*server));
        }
        let (read, _) = parse(&text);
        let (client, server) = (name(client).as_bytes(), name(server).as_bytes());
        let for_server = |wanted| read.of_client(client).find(|e| e.server() == wanted);
        let chosen = for_server(Some(server)).or_else(|| for_server(None));
        prop_assert_eq!(chosen, read.find(client, server));
    }
}
