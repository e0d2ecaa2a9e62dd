//! The key-value pairs that plugins understand, out of Cisco-AVPair attributes.

/// A pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Its key.
    pub key: Box<str>,
    /// Its value, without quotes; may be empty.
    pub value: Box<str>,
}

/// The pairs of one attribute: `key=value`, or several with commas between them,
/// `key=value,key2=value2`.
///
/// A key ends at the first `=`; the value may be in single or double quotes. A comma ends a value
/// only where a key and `=` follow: `permit a,b` is one value. Octets that are no UTF-8 are shown
/// as such.
pub fn pairs(value: &[u8]) -> impl Iterator<Item = Pair> {
    let text = String::from_utf8_lossy(value).into_owned();
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
        let (pair, behind) = split(rest);
        at = text.len() - behind.len();
        Some(pair)
    })
}

/// The first pair, and what is behind the comma that ended it.
fn split(text: &str) -> (Pair, &str) {
    let Some((key, value)) = text.split_once('=') else {
        return (pair(text, ""), "");
    };
    let quoted = value
        .strip_prefix(['"', '\''])
        .zip(value.chars().next())
        .and_then(|(inner, quote)| inner.split_once(quote))
        .filter(|(_, behind)| behind.is_empty() || behind.starts_with(','));
    if let Some((inner, behind)) = quoted {
        return (pair(key, inner), behind.strip_prefix(',').unwrap_or(behind));
    }
    let end = value
        .match_indices(',')
        .find(|(at, _)| value.get(at + 1..).is_some_and(begins_with_key));
    match end.and_then(|(at, _)| Some((value.get(..at)?, value.get(at + 1..)?))) {
        Some((value, behind)) => (pair(key, value), behind),
        None => (pair(key, value), ""),
    }
}

fn begins_with_key(text: &str) -> bool {
    text.split_once('=').is_some_and(|(key, _)| {
        let key = key.trim_start();
        !key.is_empty()
            && key
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_-:.#".contains(&b))
    })
}

fn pair(key: &str, value: &str) -> Pair {
    Pair {
        key: key.trim().into(),
        value: value.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        pairs(text.as_bytes())
            .map(|pair| (pair.key.into(), pair.value.into()))
            .collect()
    }

    #[test]
    fn one_pair_and_the_list_of_the_manual() {
        let one = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(read("throttle=yes"), [one("throttle", "yes")]);
        assert_eq!(
            read("intercept=yes,throttle=yes"),
            [one("intercept", "yes"), one("throttle", "yes")]
        );
        assert_eq!(
            read("lcp:interface-config#1=service-policy input 64"),
            [one("lcp:interface-config#1", "service-policy input 64")]
        );
        assert_eq!(read("flag"), [one("flag", "")]);
        assert_eq!(read("a="), [one("a", "")]);
        assert_eq!(read("a=b=c"), [one("a", "b=c")]);
        assert_eq!(read(""), []);
    }

    #[test]
    fn commas_and_quotes_in_values() {
        let one = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            read("acl=permit a,b,c=d"),
            [one("acl", "permit a,b"), one("c", "d")]
        );
        assert_eq!(
            read("a=\"x,y=z\",b='q'"),
            [one("a", "x,y=z"), one("b", "q")]
        );
        assert_eq!(read("a=\"open"), [one("a", "\"open")]);
        assert_eq!(read("a=\"x\"y"), [one("a", "\"x\"y")]);
        assert_eq!(read("k=v, k2=v2"), [one("k", "v"), one("k2", "v2")]);
    }
}
