//! The commands of nsctl that built-in plugins understand. `None` is for commands of others.

use std::net::{Ipv4Addr, SocketAddr};

use super::built_in::{enclose, release};
use super::{Answer, Change, Common, Facts, Sessions};
use crate::SessionId;

/// `drop`, `kill`.
pub(super) fn sessionctl(
    words: &[String],
    common: &mut Common,
    sessions: &dyn Sessions,
) -> Option<Answer> {
    let (command, rest) = words.split_first()?;
    let kill = match &**command {
        "drop" => false,
        "kill" => true,
        _ => return None,
    };
    let (who, reason) = match rest {
        [who] => (who, "Requested by administrator."),
        [who, reason] => (who, &**reason),
        _ => {
            return refuse("requires username or session id and optional reason");
        }
    };
    let Some(about) = find(who, sessions) else {
        return refuse("session not found");
    };
    let reason = reason.to_owned();
    let change = if kill {
        Change::Kill { reason }
    } else {
        Change::Shutdown { reason }
    };
    common.effect(about.session, change);
    Some(Answer::DONE)
}

/// `snoop`, `unsnoop`.
pub(super) fn snoopctl(
    words: &[String],
    common: &mut Common,
    sessions: &dyn Sessions,
) -> Option<Answer> {
    let (command, rest) = words.split_first()?;
    let change = match &**command {
        "snoop" => {
            let [who, ip, port] = rest else {
                return refuse("requires username or session id and host, port");
            };
            let Some(about) = find(who, sessions) else {
                return refuse("session not found");
            };
            let Some(ip) = ip
                .parse::<Ipv4Addr>()
                .ok()
                .filter(|ip| !ip.is_unspecified())
            else {
                return refuse("invalid ip address");
            };
            let Some(port) = port.parse::<u16>().ok().filter(|port| *port != 0) else {
                return refuse("invalid port");
            };
            let to = SocketAddr::from((ip, port));
            if about.snoop.is_some() {
                return refuse("already intercepted");
            }
            (about.session, Change::Snoop(Some(to)))
        }
        "unsnoop" => {
            let [who] = rest else {
                return refuse("requires username or session id");
            };
            let Some(about) = find(who, sessions) else {
                return refuse("session not found");
            };
            if about.snoop.is_none() {
                return refuse("not intercepted");
            }
            (about.session, Change::Snoop(None))
        }
        _ => return None,
    };
    common.effect(change.0, change.1);
    Some(Answer::DONE)
}

/// `throttle`, `unthrottle`.
pub(super) fn throttlectl(
    words: &[String],
    common: &mut Common,
    sessions: &dyn Sessions,
) -> Option<Answer> {
    let (command, rest) = words.split_first()?;
    match &**command {
        "throttle" => {
            let [who, rates @ ..] = rest else {
                return refuse("requires username or session id and optional rate(s)");
            };
            if rates.len() > 4 {
                return refuse("requires username or session id and optional rate(s)");
            }
            let Some(about) = find(who, sessions) else {
                return refuse("session not found");
            };
            let Some((input, output)) = read_rates(rates, common.settings.throttle_speed) else {
                return refuse("invalid rate");
            };
            let same = |wanted: Option<u32>, rate| wanted.is_none_or(|wanted| wanted == rate);
            if same(input, about.throttle_in) && same(output, about.throttle_out) {
                return refuse("already throttled");
            }
            common.effect(about.session, Change::Throttle { input, output });
        }
        "unthrottle" => {
            let [who] = rest else {
                return refuse("requires username or session id");
            };
            let Some(about) = find(who, sessions) else {
                return refuse("session not found");
            };
            if about.throttle_in == 0 && about.throttle_out == 0 {
                return refuse("not throttled");
            }
            let (input, output) = (Some(0), Some(0));
            common.effect(about.session, Change::Throttle { input, output });
        }
        _ => return None,
    }
    Some(Answer::DONE)
}

/// Nothing, a rate, or `in` and `out` each with a rate; kbit/s, not 0.
fn read_rates(words: &[String], default: u32) -> Option<(Option<u32>, Option<u32>)> {
    let rate = |word: &str| word.parse::<u32>().ok().filter(|rate| *rate != 0);
    match words {
        [] => Some((Some(default), Some(default))),
        [one] => rate(one).map(|rate| (Some(rate), Some(rate))),
        _ => {
            let (mut input, mut output) = (None, None);
            for pair in words.chunks(2) {
                let [direction, value] = pair else {
                    return None;
                };
                let place = match &**direction {
                    "in" => &mut input,
                    "out" => &mut output,
                    _ => return None,
                };
                *place = Some(rate(value)?);
            }
            Some((input, output))
        }
    }
}

/// `garden`, `ungarden`.
pub(super) fn garden(
    words: &[String],
    common: &mut Common,
    sessions: &dyn Sessions,
) -> Option<Answer> {
    let (command, rest) = words.split_first()?;
    match &**command {
        "garden" => {
            let [who] = rest else {
                return refuse("requires username or session id");
            };
            let Some(about) = find(who, sessions) else {
                return refuse("session not found");
            };
            if about.garden {
                return refuse("already in walled garden");
            }
            enclose(&about, common);
            common.effect(about.session, Change::Garden);
        }
        "ungarden" => {
            let (who, user) = match rest {
                [who] => (who, None),
                [who, user] => (who, Some(user.clone())),
                _ => return refuse("requires session id and optional username"),
            };
            // Users in the garden are not found by their names.
            let Some(about) = by_number(who, sessions) else {
                return refuse("session not found");
            };
            if !about.garden {
                return refuse("not in walled garden");
            }
            release(&about, common);
            common.effect(about.session, Change::Ungarden { user });
        }
        _ => return None,
    }
    Some(Answer::DONE)
}

/// The session of a number, or else of a user.
fn find(who: &str, sessions: &dyn Sessions) -> Option<Facts> {
    if !who.is_empty() && who.bytes().all(|b| b.is_ascii_digit()) {
        return by_number(who, sessions);
    }
    sessions.session(sessions.session_of(who)?)
}

fn by_number(who: &str, sessions: &dyn Sessions) -> Option<Facts> {
    sessions.session(SessionId(who.parse().ok()?))
}

#[expect(clippy::unnecessary_wraps, reason = "what a command answers")]
fn refuse(why: &str) -> Option<Answer> {
    Some(Answer::error(why))
}
