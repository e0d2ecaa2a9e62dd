//! Users that are known without RADIUS, as `l2tpns-subscribers(5)` describes their file.
//!
//! ```text
//! # user      secret         what the user gets
//! joe         "two words"    address=10.0.0.5 route=10.1.0.0/24 rate-in=2000 rate-out=10000
//! branch@isp  $1$salt$hash   filter-in=web delegated=2001:db8:77::/48
//! ```

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use wanbox_grammar::diagnostic::Diagnostics;
use wanbox_grammar::{value, words};
use wanbox_link::password::Password;
use wanbox_link::ppp::auth::{Claim, Outcome, Proof, Verdict};
use wanbox_wire::radius::Prefix6;

use crate::radius::{Authorization, FramedAddress, MAX_LIST, MAX_USER, Route4};

#[cfg(test)]
mod tests;

/// The highest rate, kbit/s.
const MAX_RATE: u32 = 100_000_000;

/// The keys of a line and what they take, for messages.
const KEYS: &str = "address, route, rate-in, rate-out, filter-in, filter-out, dns, address6, \
                    prefix6, route6, delegated, dns6, session-timeout, idle-timeout, links";

/// A stored secret. It is never shown.
#[derive(Clone, PartialEq, Eq)]
enum Secret {
    /// As it is: any proof can be judged.
    Plain(Box<str>),
    /// As crypt(3) makes it: only a password can be judged.
    Crypt(Password),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[derive(Clone, Debug)]
struct Subscriber {
    line: usize,
    secret: Secret,
    granted: Authorization,
}

/// The users of a file.
#[derive(Clone, Debug, Default)]
pub struct Subscribers {
    users: HashMap<Box<[u8]>, Subscriber>,
}

impl Subscribers {
    /// Reads a file's text. Users are kept of lines that are right; when there was an error the
    /// owner keeps what it had before.
    pub fn parse(text: &str, diagnostics: &mut Diagnostics) -> Self {
        let mut all = Self::default();
        for (n, line) in text.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                all.read(n + 1, line, diagnostics);
            }
        }
        all
    }

    fn read(&mut self, line: usize, text: &str, diagnostics: &mut Diagnostics) {
        let words = match words::split(text) {
            Ok(words) => words,
            Err(why) => return diagnostics.error(line, "", why, ""),
        };
        let [user, secret, rest @ ..] = words.as_slice() else {
            return diagnostics.error(
                line,
                "",
                "a user without a secret",
                "USER SECRET [KEY=VALUE]",
            );
        };
        if user.is_empty() || user.len() > MAX_USER {
            let allowed = format!("1 to {MAX_USER} octets");
            return diagnostics.error(line, "", "a user name of another length", allowed);
        }
        let secret = match stored(secret) {
            Ok(secret) => secret,
            Err(why) => return diagnostics.error(line, "", "a damaged secret", why),
        };
        let mut subscriber = Subscriber {
            line,
            secret,
            granted: Authorization::default(),
        };
        let mut right = true;
        for word in rest {
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            if let Err((what, allowed)) = grant(&mut subscriber.granted, key, value) {
                diagnostics.error(line, key, what, allowed);
                right = false;
            }
        }
        if let Some(before) = self.users.get(user.as_bytes()) {
            let what = format!("user '{user}' is there already, in line {}", before.line);
            diagnostics.error(line, "", what, "each user once");
        } else if right {
            self.users.insert(user.as_bytes().into(), subscriber);
        }
    }

    /// How many users there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// Judges a claim; `None`: the user is not in the file.
    #[must_use]
    pub fn judge(&self, claim: &Claim) -> Option<(Verdict, Authorization)> {
        let by_domain = matches!(claim.proof, Proof::MsChapV2 { .. });
        let subscriber = self.users.get(&claim.name).or_else(|| {
            // DOMAIN\user proves itself as user (RFC 2759 section 4).
            by_domain.then(|| self.users.get(claim.user())).flatten()
        })?;
        let verdict = match (&subscriber.secret, &claim.proof) {
            (Secret::Plain(secret), _) => claim.verify(secret.as_bytes()),
            (Secret::Crypt(stored), Proof::Pap { password }) => {
                Verdict::plain(if stored.is(password) {
                    Outcome::Accepted
                } else {
                    Outcome::WrongSecret
                })
            }
            // Nobody can tell.
            (Secret::Crypt(_), _) => Verdict::plain(Outcome::Refused),
        };
        Some((verdict, subscriber.granted.clone()))
    }
}

fn stored(secret: &str) -> Result<Secret, &'static str> {
    let crypted = ["$1$", "$5$", "{crypt}"]
        .iter()
        .any(|begin| secret.starts_with(begin));
    Ok(if crypted {
        Secret::Crypt(Password::parse(secret)?)
    } else {
        Secret::Plain(secret.into())
    })
}

/// What is wrong, and what is allowed.
type Wrong = (String, String);

fn grant(granted: &mut Authorization, key: &str, value: &str) -> Result<(), Wrong> {
    match key {
        "address" => {
            let address = ipv4(value)?;
            granted.address = FramedAddress::Static(address);
        }
        "route" => push(&mut granted.routes, route(value)?)?,
        "rate-in" => granted.rate_in = Some(number(value, MAX_RATE, "kbit/s")?),
        "rate-out" => granted.rate_out = Some(number(value, MAX_RATE, "kbit/s")?),
        "filter-in" => granted.filter_in = Some(name(value)?),
        "filter-out" => granted.filter_out = Some(name(value)?),
        "dns" => {
            let address = ipv4(value)?;
            match granted.dns.iter_mut().find(|place| place.is_none()) {
                Some(place) => *place = Some(address),
                None => return Err(("a third server".to_owned(), "two".to_owned())),
            }
        }
        "address6" => granted.address6 = Some(ipv6(value)?),
        "prefix6" => push(&mut granted.prefixes6, prefix6(value)?)?,
        "route6" => push(&mut granted.routes6, prefix6(value)?)?,
        "delegated" => push(&mut granted.delegated, prefix6(value)?)?,
        "dns6" => push(&mut granted.dns6, ipv6(value)?)?,
        "session-timeout" => granted.session_timeout = Some(seconds(value)?),
        "idle-timeout" => granted.idle_timeout = Some(seconds(value)?),
        "links" => match number(value, 64, "links")? {
            0 => return Err(("no link at all".to_owned(), "1 to 64 links".to_owned())),
            links => granted.port_limit = Some(links),
        },
        _ => return Err(("no such key".to_owned(), KEYS.to_owned())),
    }
    Ok(())
}

fn wrong(what: String) -> Wrong {
    (what, String::new())
}

fn ipv4(text: &str) -> Result<Ipv4Addr, Wrong> {
    let address = value::ipv4(text).map_err(wrong)?;
    if address.is_unspecified() || address.is_broadcast() || address.is_multicast() {
        let allowed = "the address of one host";
        return Err((format!("{address} is nobody's address"), allowed.to_owned()));
    }
    Ok(address)
}

fn ipv6(text: &str) -> Result<Ipv6Addr, Wrong> {
    let address = value::ipv6(text).map_err(wrong)?;
    if address.is_unspecified() || address.is_multicast() {
        let allowed = "the address of one host";
        return Err((format!("{address} is nobody's address"), allowed.to_owned()));
    }
    Ok(address)
}

fn route(text: &str) -> Result<Route4, Wrong> {
    match value::prefix(text).map_err(wrong)? {
        (IpAddr::V4(address), length @ 1..) => {
            let route = Route4::new(address, length);
            if route.network == address {
                Ok(route)
            } else {
                let allowed = format!("{}/{length}", route.network);
                Err((format!("{text} has bits behind its length"), allowed))
            }
        }
        _ => Err((
            format!("{text} is no IPv4 network"),
            "as 10.1.0.0/16".to_owned(),
        )),
    }
}

fn prefix6(text: &str) -> Result<Prefix6, Wrong> {
    match value::prefix(text).map_err(wrong)? {
        (IpAddr::V6(address), length @ 1..) => {
            let prefix = Prefix6::new(address, length);
            if prefix.network == address {
                Ok(prefix)
            } else {
                let allowed = format!("{}/{length}", prefix.network);
                Err((format!("{text} has bits behind its length"), allowed))
            }
        }
        _ => {
            let allowed = "as 2001:db8:77::/48";
            Err((format!("{text} is no IPv6 prefix"), allowed.to_owned()))
        }
    }
}

fn number(text: &str, most: u32, unit: &str) -> Result<u32, Wrong> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse::<u32>() {
        Ok(number) if digits && number <= most => Ok(number),
        _ => Err((
            format!("'{text}' is no such number"),
            format!("0 to {most} {unit}"),
        )),
    }
}

fn seconds(text: &str) -> Result<u32, Wrong> {
    let time = value::duration(text, Duration::from_secs(1)).map_err(wrong)?;
    match u32::try_from(time.as_secs()) {
        Ok(seconds) if seconds > 0 => Ok(seconds),
        _ => Err((
            format!("'{text}' is no time for this"),
            "1 second to 136 years".to_owned(),
        )),
    }
}

fn name(text: &str) -> Result<Box<str>, Wrong> {
    if text.is_empty() || text.len() > 31 || !text.bytes().all(|b| b.is_ascii_graphic()) {
        let allowed = "1 to 31 letters, digits and signs";
        return Err((
            format!("'{text}' is no name of an access list"),
            allowed.to_owned(),
        ));
    }
    Ok(text.into())
}

fn push<T>(list: &mut Vec<T>, item: T) -> Result<(), Wrong> {
    if list.len() >= MAX_LIST {
        return Err(("too many".to_owned(), format!("{MAX_LIST} of them")));
    }
    list.push(item);
    Ok(())
}

/// Any text: everybody who is in the file comes in with the secret that its line has, and a file
/// without a user has something wrong in each of its lines. For fuzzing and replayed tests.
pub fn fuzz_subscribers(octets: &[u8]) {
    let text = String::from_utf8_lossy(octets);
    let mut diagnostics = Diagnostics::new("subscribers");
    let all = Subscribers::parse(&text, &mut diagnostics);
    for (user, subscriber) in &all.users {
        // A password that was crypted is not in the text.
        let Secret::Plain(secret) = &subscriber.secret else {
            continue;
        };
        let claim = Claim {
            name: user.clone(),
            proof: Proof::Pap {
                password: secret.as_bytes().into(),
            },
        };
        let judged = all.judge(&claim);
        assert!(judged.is_some_and(|(verdict, _)| verdict.outcome == Outcome::Accepted));
    }
    let written = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .count();
    let wrong: std::collections::HashSet<_> = diagnostics.iter().map(|found| found.line).collect();
    assert_eq!(all.len() + wrong.len(), written);
}
