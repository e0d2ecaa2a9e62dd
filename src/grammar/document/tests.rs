use proptest::prelude::*;

use super::*;
use crate::assign::Assignments;
use crate::diagnostic::Diagnostics;
use crate::sections::Sections;

const FILE: &str = "\
# Banner.

[devices]
wanpipe1 = WAN_FR, office

[interfaces]
wp1fr16 = wanpipe1, 16, WANPIPE

# The link.
[wanpipe1]
LINE            = cable:demo
Mtu             = 1500          # octets

# First channel.
[wp1fr16]
\tCIR=64
# after

# Second channel.
[wp1fr17]
CIR = 32
";

fn document() -> SectionDocument {
    SectionDocument::parse(FILE.as_bytes())
}

fn text(document: &SectionDocument) -> String {
    String::from_utf8(document.to_bytes()).unwrap()
}

#[test]
fn a_value_changes_and_nothing_else() {
    let mut d = document();
    assert_eq!(d.get("wanpipe1", "MTU", Case::Any), Some("1500"));
    assert_eq!(d.line_of("wanpipe1", "MTU", Case::Any), Some(12));
    assert_eq!(d.get("wanpipe1", "MTU", Case::Exact), None);
    d.set("wanpipe1", "MTU", Case::Any, "576").unwrap();
    let wanted = FILE.replace(
        "Mtu             = 1500          # octets",
        "Mtu             = 576           # octets",
    );
    assert_eq!(text(&d), wanted);
    d.set("wanpipe1", "MTU", Case::Any, "123456789012345678")
        .unwrap();
    assert!(text(&d).contains("= 123456789012345678 # octets\n"));
    d.set("wanpipe1", "MTU", Case::Any, "1500").unwrap();
    assert!(text(&d).contains("Mtu             = 1500               # octets\n"));
}

#[test]
fn new_keys_are_laid_out_as_the_others() {
    let mut d = document();
    d.set("wanpipe1", "TTL", Case::Any, "64").unwrap();
    d.set("wp1fr16", "BC", Case::Any, "64").unwrap();
    d.set("lapb.x", "T1", Case::Any, "3").unwrap();
    let wanted = FILE
        .replace("# octets\n", "# octets\nTTL             = 64\n")
        .replace("\tCIR=64\n", "\tCIR=64\n\tBC=64\n")
        + "\n[lapb.x]\nT1 = 3\n";
    assert_eq!(text(&d), wanted);
    assert!(d.unset("wanpipe1", "ttl", Case::Any));
    assert!(!d.unset("wanpipe1", "ttl", Case::Any));
}

#[test]
fn odd_records() {
    let mut d = SectionDocument::parse(b"[s]\r\nA\r\nB=\r\nC = ;x\r\nA=2");
    d.set("s", "A", Case::Any, "1").unwrap();
    d.set("s", "B", Case::Any, "2").unwrap();
    d.set("s", "C", Case::Any, "3").unwrap();
    d.set("s", "D", Case::Any, "4").unwrap();
    assert_eq!(text(&d), "[s]\r\nA = 1\r\nB= 2\r\nC = 3 ;x\r\nD = 4\r\n");
    let mut d = SectionDocument::parse(b"[s]\n# \xff\nA=1");
    d.set("s", "A", Case::Any, "2").unwrap();
    assert_eq!(d.to_bytes(), b"[s]\n# \xff\nA=2");
    assert!(d.set("s", "A", Case::Any, "\u{e9}").is_err());
}

#[test]
fn sections_come_go_and_change_their_names() {
    let mut d = document();
    d.remove_section("wp1fr16");
    let gone = "# First channel.\n[wp1fr16]\n\tCIR=64\n# after\n\n";
    assert_eq!(text(&d), FILE.replace(gone, ""));
    d.remove_section("wp1fr17");
    assert!(text(&d).ends_with("# octets\n"), "{}", text(&d));
    d.rename_section("wanpipe1", "wanpipe2").unwrap();
    d.rename_key("interfaces", "wp1fr16", Case::Exact, "x")
        .unwrap();
    assert!(text(&d).contains("[wanpipe2]\nLINE") && text(&d).contains("\nx = wanpipe1, 16"));
    d.make_section("x").unwrap();
    d.make_section("x").unwrap();
    assert_eq!(d.sections(), ["devices", "interfaces", "wanpipe2", "x"]);
    assert_eq!(d.keys("wanpipe2"), ["LINE", "Mtu"]);
    assert!(d.has_section("x") && !d.has_section("y"));
    // The second of a name would count once the first is gone.
    let mut d = SectionDocument::parse(b"[a]\nK=1\n[b]\n[a]\nK=2\n");
    d.remove_section("a");
    assert_eq!(text(&d), "[b]\n");
}

#[test]
fn what_cannot_be_written_is_refused() {
    let mut d = document();
    for value in ["a#b", "a;b", "a\nb", " a", "a\t"] {
        assert!(
            d.set("wanpipe1", "LINE", Case::Any, value).is_err(),
            "{value:?}"
        );
    }
    for key in ["", "a=b", "[a", "a#", " a"] {
        assert!(d.set("wanpipe1", key, Case::Any, "1").is_err(), "{key:?}");
    }
    for name in ["", "a]b", "a#", "a\n"] {
        assert!(d.set(name, "K", Case::Any, "1").is_err(), "{name:?}");
        assert!(d.rename_section("wanpipe1", name).is_err(), "{name:?}");
    }
    assert_eq!(d, document());
}

#[test]
fn assignments() {
    let file = "# Addresses.\nIPADDR=10.0.0.1 # ours\nifconfig x\nGATEWAY=\nGATEWAY='0'";
    let mut d = AssignDocument::parse(file.as_bytes());
    assert_eq!(d.to_bytes(), file.as_bytes());
    d.set("IPADDR", "10.0.0.2").unwrap();
    d.set("GATEWAY", "10.0.0.9").unwrap();
    d.set("NOTE", "it's \"$x\"").unwrap();
    let wanted = "# Addresses.\nIPADDR=10.0.0.2 # ours\nifconfig x\nGATEWAY=\nGATEWAY=10.0.0.9\n\
                  NOTE=\"it's \\\"\\$x\\\"\"\n";
    assert_eq!(String::from_utf8(d.to_bytes()).unwrap(), wanted);
    assert_eq!(d.get("NOTE").as_deref(), Some("it's \"$x\""));
    assert!(d.unset("GATEWAY") && d.get("GATEWAY").is_none());
    assert!(d.set("A B", "1").is_err() && d.set("A", "1\n2").is_err());
    assert!(d.set("", "1").is_err() && d.set("A=B", "1").is_err());
}

fn record(text: &[u8], section: &str, key: &str) -> Option<Option<String>> {
    let text = String::from_utf8(text.to_vec()).unwrap();
    let sections = Sections::parse(&text, &mut Diagnostics::default());
    let section = sections.get(section)?;
    let record = section
        .records
        .iter()
        .find(|r| r.key.eq_ignore_ascii_case(key))?;
    Some(record.value.clone())
}

proptest! {
    #[test]
    fn any_file_is_written_as_it_was_read(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert_eq!(SectionDocument::parse(&octets).to_bytes(), &octets[..]);
        prop_assert_eq!(AssignDocument::parse(&octets).to_bytes(), octets);
    }

    /// The document and the reader agree on what is where, before and after a change, and every
    /// line that does not hold the key stays as it was.
    #[test]
    fn what_is_set_is_read(
        file in "(\\[[ab]\\]?|[ \t]*[AaBbC][ \t]*=?[ \t]*[x,]{0,3}|[ \t]*[#;]?.?|\r?\n){0,40}",
        value in "[x-z]([x-z, =]{0,8}[x-z])?",
    ) {
        let mut d = SectionDocument::parse(file.as_bytes());
        for key in ["A", "B", "C"] {
            let read = record(file.as_bytes(), "a", key).flatten();
            prop_assert_eq!(d.get("a", key, Case::Any).map(str::to_owned), read);
        }
        let other = record(file.as_bytes(), "a", "B");
        let before = file.matches('\n').count();
        d.set("a", "A", Case::Any, &value).unwrap();
        let written = d.to_bytes();
        prop_assert_eq!(record(&written, "a", "A"), Some(Some(value.clone())));
        prop_assert_eq!(record(&written, "a", "B"), other.clone());
        prop_assert!(written.iter().filter(|&&b| b == b'\n').count() <= before + 4);
        // Again is no change.
        let once = d.clone();
        d.set("a", "A", Case::Any, &value).unwrap();
        prop_assert_eq!(&d, &once);
        d.unset("a", "A", Case::Any);
        prop_assert_eq!(record(&d.to_bytes(), "a", "A"), None);
        prop_assert_eq!(record(&d.to_bytes(), "a", "B"), other);
        let kept = |line: &&str| !line.trim_start_matches([' ', '\t']).starts_with(['A', 'a']);
        let text = String::from_utf8(d.to_bytes()).unwrap();
        // A last line without its end gets one, be its last octet a carriage return.
        let lines = |text| str::lines(text).map(|l| l.trim_end_matches('\r')).filter(kept);
        let stays: Vec<&str> = lines(&text).collect();
        let was: Vec<&str> = lines(&file).collect();
        prop_assert!(was.iter().zip(&stays).all(|(a, b)| a == b), "{:?} {:?}", was, stays);
    }

    #[test]
    fn what_is_assigned_is_read(
        file in "([AB]=[x'\"]{0,3}|# x|export A=1|\\PC{0,3}|\n){0,30}",
        value in "[ -~]{0,12}",
    ) {
        let mut d = AssignDocument::parse(file.as_bytes());
        let read = Assignments::parse(&file, &mut Diagnostics::default());
        prop_assert_eq!(d.get("A"), read.get("A").map(|a| a.value.clone()));
        d.set("A", &value).unwrap();
        let text = String::from_utf8(d.to_bytes()).unwrap();
        let read = Assignments::parse(&text, &mut Diagnostics::default());
        prop_assert_eq!(read.get("A").map(|a| a.value.as_str()), Some(value.as_str()));
        prop_assert_eq!(d.get("A"), Some(value));
        d.unset("A");
        prop_assert_eq!(d.get("A"), None);
    }
}
