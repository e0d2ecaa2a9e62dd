//! Values people type: numbers, rates, durations, percentages, addresses, names.
//!
//! Every reader takes the whole text or says in one line what it should have been.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// A number in C notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    /// Its value.
    pub value: u64,
    /// A leading `0` made it octal, and in decimal it would be another number.
    pub octal: bool,
}

/// Reads a number in C notation: decimal, `0x` hexadecimal, or octal after a leading `0`.
pub fn number(text: &str) -> Result<Number, String> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (text.get(2..).unwrap_or_default(), 16),
        [b'0', _, ..] => (text.get(1..).unwrap_or_default(), 8),
        _ => (text, 10),
    };
    // The standard reader would take a sign.
    if digits.starts_with(['+', '-']) {
        return Err(format!("'{text}' is not a number"));
    }
    match u64::from_str_radix(digits, radix) {
        Ok(value) => Ok(Number {
            value,
            octal: radix == 8 && value > 7,
        }),
        Err(_) if radix == 8 && text.bytes().all(|b| b.is_ascii_digit()) => Err(format!(
            "'{text}' is not a number: a leading 0 makes it octal"
        )),
        Err(_) => Err(format!("'{text}' is not a number")),
    }
}

/// Reads a bit rate in bit/s: `64000`, `64k`, `1.5M`, `2Mbps`, `1Gbit/s`. The letters are powers
/// of 1000, of either case.
pub fn rate(text: &str) -> Result<u64, String> {
    let wrong = || format!("'{text}' is not a bit rate (as 64000, 64k, 2M)");
    let lower = text.to_ascii_lowercase();
    let bare = ["bit/s", "bps", "bit"]
        .iter()
        .find_map(|unit| lower.strip_suffix(unit))
        .unwrap_or(&lower)
        .trim_end();
    let (digits, scale) = match bare.char_indices().last().ok_or_else(wrong)? {
        (at, 'k') => (bare.get(..at), 1_000),
        (at, 'm') => (bare.get(..at), 1_000_000),
        (at, 'g') => (bare.get(..at), 1_000_000_000),
        _ => (Some(bare), 1),
    };
    decimal(digits.unwrap_or_default().trim_end(), scale).ok_or_else(wrong)
}

/// `digits` times `scale`, exactly: `1.5` with a scale of 1000 is 1500.
fn decimal(digits: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !plain(whole) || !plain(fraction) || fraction.len() > 9 {
        return None;
    }
    let mut value = whole.parse::<u64>().ok()?.checked_mul(scale)?;
    if !fraction.is_empty() {
        let divisor = 10_u64.checked_pow(fraction.len().try_into().ok()?)?;
        let part = fraction.parse::<u64>().ok()?.checked_mul(scale)?;
        if !part.is_multiple_of(divisor) {
            return None;
        }
        value = value.checked_add(part / divisor)?;
    } else if digits.ends_with('.') {
        return None;
    }
    Some(value)
}

/// Reads a duration: a number of `unit`s in C notation, or one with units (`10s`, `1m 30s`,
/// `250ms`).
pub fn duration(text: &str, unit: Duration) -> Result<Duration, String> {
    if text.bytes().all(|b| b.is_ascii_alphanumeric()) && (!has_unit(text) || is_hex(text)) {
        let units = number(text).ok().and_then(|n| u32::try_from(n.value).ok());
        if let Some(duration) = units.and_then(|units| unit.checked_mul(units)) {
            return Ok(duration);
        }
    } else if let Ok(duration) = humantime::parse_duration(text) {
        return Ok(duration);
    }
    Err(format!("'{text}' is not a duration (as 10s, 500ms)"))
}

/// What is wrong with a value, and what is allowed.
pub type Wrong = (String, String);

/// Times up to a longest one: seconds, or with a unit.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// The longest.
    pub longest: Duration,
    /// The same in words: `7 days`.
    pub words: &'static str,
}

impl Span {
    /// Reads a time from 0 on.
    ///
    /// # Errors
    /// It is none, or too long.
    pub fn time(self, text: &str) -> Result<Duration, Wrong> {
        let allowed = || format!("0 to {}, in seconds or as 500ms, 5m", self.words);
        let time = duration(text, Duration::from_secs(1)).map_err(|what| (what, allowed()))?;
        if time > self.longest {
            return Err((format!("'{text}' is too long"), allowed()));
        }
        Ok(time)
    }

    /// Reads a time that is more than 0.
    ///
    /// # Errors
    /// It is none, 0, or too long.
    pub fn positive(self, text: &str) -> Result<Duration, Wrong> {
        match self.time(text)? {
            Duration::ZERO => Err((
                "0 would never be over".into(),
                format!("more than 0, at most {}", self.words),
            )),
            time => Ok(time),
        }
    }
}

fn has_unit(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_alphabetic())
}

fn is_hex(text: &str) -> bool {
    text.starts_with("0x") || text.starts_with("0X")
}

/// Reads a share of at most the whole (`1%`, `0.05%`), in millionths.
pub fn percentage(text: &str) -> Result<u32, String> {
    text.strip_suffix('%')
        .and_then(|digits| decimal(digits.trim_end(), 10_000))
        .and_then(|millionths| u32::try_from(millionths).ok())
        .filter(|millionths| *millionths <= 1_000_000)
        .ok_or_else(|| format!("'{text}' is not a percentage from 0% to 100%"))
}

/// Reads YES or NO, also ON, OFF, 1 and 0, of either case.
pub fn yes_no(text: &str) -> Result<bool, String> {
    let is = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(&["YES", "ON", "1"]) {
        Ok(true)
    } else if is(&["NO", "OFF", "0"]) {
        Ok(false)
    } else {
        Err(format!("'{text}' is neither YES nor NO"))
    }
}

/// Reads an IPv4 address in dotted form.
pub fn ipv4(text: &str) -> Result<Ipv4Addr, String> {
    text.parse()
        .map_err(|_| format!("'{text}' is not an IPv4 address"))
}

/// Reads an IPv6 address.
pub fn ipv6(text: &str) -> Result<Ipv6Addr, String> {
    text.parse()
        .map_err(|_| format!("'{text}' is not an IPv6 address"))
}

/// Reads an IPv4 netmask in dotted form. Returns the prefix length.
pub fn netmask(text: &str) -> Result<u8, String> {
    let mask = u32::from(ipv4(text)?);
    // At most 32.
    let length = mask.leading_ones() as u8;
    if mask.count_ones() == mask.leading_ones() {
        Ok(length)
    } else {
        Err(format!("'{text}' is not a netmask: its bits have gaps"))
    }
}

/// Reads an address with its prefix length: `10.0.0.1/24`, `fd00::1/64`.
pub fn prefix(text: &str) -> Result<(IpAddr, u8), String> {
    let wrong = || format!("'{text}' is not an address with a prefix length (as fd00::1/64)");
    let (address, length) = text.split_once('/').ok_or_else(wrong)?;
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    if length.is_empty() || !length.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    match length.parse::<u8>() {
        Ok(length) if length <= most => Ok((address, length)),
        _ => Err(format!("prefix length '{length}' is not 0 to {most}")),
    }
}

/// Reads a port number from 1 to 65535.
pub fn port(text: &str) -> Result<u16, String> {
    match text.parse::<u16>() {
        Ok(port) if port > 0 && text.bytes().all(|b| b.is_ascii_digit()) => Ok(port),
        _ => Err(format!("'{text}' is not a port from 1 to 65535")),
    }
}

/// Checks a host name: labels of letters, digits and inner hyphens, 63 octets each and 253
/// together (RFC 1123, 2.1). All digits and dots is an address written wrong, not a name.
pub fn hostname(text: &str) -> Result<&str, String> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let name = text.strip_suffix('.').unwrap_or(text);
    let numeric = name.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if name.len() <= 253 && !numeric && name.split('.').all(label) {
        Ok(text)
    } else {
        Err(format!("'{text}' is neither an address nor a host name"))
    }
}

/// Checks the name of a network interface, as the kernel has it: 1 to 15 octets without blanks,
/// `/` and `:`, and neither `.` nor `..`. Only printable ASCII, so that it can be shown.
pub fn interface_name(text: &str) -> Result<&str, String> {
    let legal = |b: u8| b.is_ascii_graphic() && b != b'/' && b != b':';
    if (1..=15).contains(&text.len())
        && text.bytes().all(legal)
        && !matches!(text, "." | "..")
        && !text.starts_with('-')
    {
        Ok(text)
    } else {
        Err(format!(
            "'{text}' is not an interface name (1 to 15 letters, digits, '.', '_', '-')"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spans_have_an_end_and_may_have_to_be_more_than_nothing() {
        let span = Span {
            longest: Duration::from_secs(3600),
            words: "an hour",
        };
        assert_eq!(span.time("0"), Ok(Duration::ZERO));
        assert_eq!(span.time("1h"), Ok(Duration::from_secs(3600)));
        assert_eq!(span.positive("250ms"), Ok(Duration::from_millis(250)));
        let allowed = "0 to an hour, in seconds or as 500ms, 5m".to_owned();
        let long = ("'3601' is too long".to_owned(), allowed.clone());
        assert_eq!(span.positive("3601"), Err(long));
        assert_eq!(span.time("soon").unwrap_err().1, allowed);
        let (what, allowed) = span.positive("0s").unwrap_err();
        assert_eq!(what, "0 would never be over");
        assert_eq!(allowed, "more than 0, at most an hour");
    }

    #[test]
    fn numbers_in_c_notation() {
        let read = |text: &str| number(text).map(|n| (n.value, n.octal)).ok();
        assert_eq!(read("0x7F"), Some((127, false)));
        assert_eq!(read("1540000"), Some((1_540_000, false)));
        assert_eq!(read("0"), Some((0, false)));
        assert_eq!(read("010"), Some((8, true)), "octal, and said so");
        assert_eq!(read("07"), Some((7, false)), "the same in decimal");
        for wrong in ["", "0x", "9x", "10 ", "-1", "+1", "0x-1", "1e3", "²"] {
            assert!(read(wrong).is_none(), "{wrong}");
        }
        assert!(number("09").unwrap_err().contains("octal"));
        assert!(number("18446744073709551616").is_err());
    }

    #[test]
    fn rates() {
        for (text, wanted) in [
            ("64000", 64_000),
            ("64k", 64_000),
            ("2M", 2_000_000),
            ("1.544Mbps", 1_544_000),
            ("2 Mbit/s", 2_000_000),
            ("1G", 1_000_000_000),
            ("9600bps", 9_600),
        ] {
            assert_eq!(rate(text), Ok(wanted), "{text}");
        }
        for wrong in [
            "",
            "k",
            "1.M",
            ".5M",
            "2MB",
            "-1",
            "1.2345k",
            "99999999999G",
            "bps",
        ] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations() {
        let seconds = |text: &str| duration(text, Duration::from_secs(1));
        assert_eq!(seconds("10"), Ok(Duration::from_secs(10)));
        assert_eq!(seconds("0x0A"), Ok(Duration::from_secs(10)));
        assert_eq!(seconds("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(seconds("1m 30s"), Ok(Duration::from_secs(90)));
        let millis = |text: &str| duration(text, Duration::from_millis(1));
        assert_eq!(millis("11000"), Ok(Duration::from_secs(11)));
        assert_eq!(millis("11s"), Ok(Duration::from_secs(11)));
        for wrong in [
            "",
            "x",
            "-1",
            "10 parsecs",
            "4294967296",
            "99999999999999999999s",
        ] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn percentages() {
        assert_eq!(percentage("1%"), Ok(10_000));
        assert_eq!(percentage("0.05%"), Ok(500));
        assert_eq!(percentage("100%"), Ok(1_000_000));
        for wrong in ["1", "101%", "-1%", "%", "0.00001%"] {
            assert!(percentage(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn addresses_and_names() {
        assert_eq!(netmask("255.255.255.0"), Ok(24));
        assert_eq!(netmask("0.0.0.0"), Ok(0));
        assert_eq!(netmask("255.255.255.255"), Ok(32));
        assert!(netmask("255.0.255.0").unwrap_err().contains("gaps"));
        assert_eq!(prefix("fd00::1/64"), Ok(("fd00::1".parse().unwrap(), 64)));
        assert_eq!(prefix("10.0.0.1/32"), Ok(("10.0.0.1".parse().unwrap(), 32)));
        for wrong in [
            "10.0.0.1",
            "10.0.0.1/33",
            "fd00::1/129",
            "/8",
            "1.2.3.4/",
            "1.2.3.4/+8",
        ] {
            assert!(prefix(wrong).is_err(), "{wrong}");
        }
        assert_eq!(port("9000"), Ok(9000));
        assert!(port("0").is_err() && port("65536").is_err() && port("+1").is_err());
        for name in ["router", "a.example.org", "a-1.b.", "3com.example"] {
            assert!(hostname(name).is_ok(), "{name}");
        }
        let long = "a".repeat(64);
        for name in ["", ".", "-a", "a-", "a..b", "a_b", "1.2.3", &long] {
            assert!(hostname(name).is_err(), "{name}");
        }
        for name in ["wp1_fr16", "wp1fr16", "a.b-c", "wp1_chdlc_12345"] {
            assert!(interface_name(name).is_ok(), "{name}");
        }
        for name in ["", "..", "a/b", "a b", "a:1", "wp1_chdlc_123456", "é", "-a"] {
            assert!(interface_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn yes_and_no() {
        assert_eq!(yes_no("Yes"), Ok(true));
        assert_eq!(yes_no("0"), Ok(false));
        assert!(yes_no("maybe").is_err());
    }

    proptest! {
        #[test]
        fn numbers_read_back(value in any::<u64>()) {
            prop_assert_eq!(number(&value.to_string()).map(|n| n.value), Ok(value));
            prop_assert_eq!(number(&format!("{value:#x}")).map(|n| n.value), Ok(value));
            prop_assert_eq!(rate(&value.to_string()), Ok(value));
        }

        #[test]
        fn nothing_panics(text in "([0-9a-zA-Z.%:/x -]|\\PC){0,24}") {
            let _ = (number(&text), rate(&text), duration(&text, Duration::from_secs(1)));
            let _ = (percentage(&text), prefix(&text), netmask(&text), port(&text));
            let _ = (hostname(&text).is_ok(), interface_name(&text).is_ok(), yes_no(&text));
        }
    }
}
