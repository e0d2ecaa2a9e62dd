//! Cisco-AVPair: a key, `=` and a value, or several of them (Cisco vendor type 1).

/// The keys and values of an attribute.
///
/// The manual has lists, `key=value,key2=value2`; the original took the first `=` and left the
/// rest in one piece. Both hold: a comma separates only where a key and `=` follow, and never
/// within quotes. Quotes around a value are taken off. Without `=` the value is empty.
pub fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let (one, after) = split(rest?);
        rest = after;
        let (key, value) = one.split_once('=').unwrap_or((one, ""));
        Some((key.trim(), unquoted(value)))
    })
}

/// The first pair, and what is behind its comma.
fn split(text: &str) -> (&str, Option<&str>) {
    let mut quote = None;
    for (at, octet) in text.bytes().enumerate() {
        match (octet, quote) {
            (b'"' | b'\'', None) if text.get(..at).is_some_and(|t| t.ends_with('=')) => {
                quote = Some(octet);
            }
            (_, Some(open)) if open == octet => quote = None,
            (b',', None) => {
                let after = text.get(at + 1..).unwrap_or_default();
                if begins_with_key(after) {
                    return (text.get(..at).unwrap_or_default(), Some(after));
                }
            }
            _ => {}
        }
    }
    (text, None)
}

/// Whether a key and `=` come first. Keys of Cisco's have `:` and `#` in them.
fn begins_with_key(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || "_-:#".contains(c);
    text.split_once('=').is_some_and(|(key, _)| {
        let key = key.trim();
        key.starts_with(|c: char| c.is_ascii_alphabetic()) && key.chars().all(legal)
    })
}

fn unquoted(text: &str) -> &str {
    ['"', '\'']
        .into_iter()
        .find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::pairs;

    #[test]
    fn one_and_several() {
        for (text, wanted) in [
            ("throttle=yes", &[("throttle", "yes")][..]),
            (
                "intercept=yes,throttle=yes",
                &[("intercept", "yes"), ("throttle", "yes")],
            ),
            (
                "a=1, b=2,c='3,d=4'",
                &[("a", "1"), ("b", "2"), ("c", "3,d=4")],
            ),
            ("intercept=\"10.0.0.1:99\"", &[("intercept", "10.0.0.1:99")]),
            (
                "lcp:interface-config#1=service-policy output 128",
                &[("lcp:interface-config#1", "service-policy output 128")],
            ),
            (
                "ip:inacl#1=permit tcp any any eq 80, 90",
                &[("ip:inacl#1", "permit tcp any any eq 80, 90")],
            ),
            ("a=b=c", &[("a", "b=c")]),
            ("shell", &[("shell", "")]),
            ("", &[("", "")]),
            ("a=\"", &[("a", "\"")]),
        ] {
            let read: Vec<_> = pairs(text).collect();
            assert_eq!(read, wanted, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text(text in "[a-c=,'\"é ]{0,24}") {
            let read: usize = pairs(&text).map(|(key, value)| key.len() + value.len()).sum();
            prop_assert!(read <= text.len());
        }
    }
}
