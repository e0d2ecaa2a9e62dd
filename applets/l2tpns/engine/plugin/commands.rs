//! The commands of nsctl that built-in plugins understand.

use std::net::{Ipv4Addr, SocketAddr};

use super::built_in::{enclose, release};
use super::{Change, Common, Facts, Sessions};
use crate::SessionId;

/// Whether a command was one of the plugin's, and was done; otherwise what is wrong with it.
pub(super) type Outcome = Result<bool, &'static str>;

const NOT_FOUND: &str = "session not found";

/// `drop`, `kill`. Nothing of a session lingers here, so that both are the same to the user.
pub(super) fn sessionctl(
    words: &[String],
    common: &mut Common,
    sessions: &dyn Sessions,
) -> Outcome {
    let Some((command, rest)) = words.split_first() else {
        return Ok(false);
    };
    let kill = match &**command {
        "drop" => false,
        "kill" => true,
        _ => return Ok(false),
    };
    let (who, reason) = match rest {
        [who] => (who, "Requested by administrator."),
        [who, reason] => (who, &**reason),
        _ => return Err("requires username or session id and optional reason"),
    };
    let about = find(who, sessions)?;
    let reason = reason.to_owned();
    let change = if kill {
        Change::Kill { reason }
    } else {
        Change::Shutdown { reason }
    };
    common.effect(about.session, change);
    Ok(true)
}

/// `snoop`, `unsnoop`.
pub(super) fn snoopctl(words: &[String], common: &mut Common, sessions: &dyn Sessions) -> Outcome {
    let Some((command, rest)) = words.split_first() else {
        return Ok(false);
    };
    let change = match &**command {
        "snoop" => {
            let [who, ip, port] = rest else {
                return Err("requires username or session id and host, port");
            };
            let about = find(who, sessions)?;
            let ip = ip.parse().ok().filter(|ip: &Ipv4Addr| !ip.is_unspecified());
            let ip = ip.ok_or("invalid ip address")?;
            let port = port.parse().ok().filter(|port| *port != 0);
            let to = SocketAddr::from((ip, port.ok_or("invalid port")?));
            if about.snoop.is_some() {
                return Err("already intercepted");
            }
            (about.session, Change::Snoop(Some(to)))
        }
        "unsnoop" => {
            let [who] = rest else {
                return Err("requires username or session id");
            };
            let about = find(who, sessions)?;
            if about.snoop.is_none() {
                return Err("not intercepted");
            }
            (about.session, Change::Snoop(None))
        }
        _ => return Ok(false),
    };
    common.effect(change.0, change.1);
    Ok(true)
}

/// `throttle`, `unthrottle`.
pub(super) fn throttlectl(
    words: &[String],
    common: &mut Common,
    sessions: &dyn Sessions,
) -> Outcome {
    let Some((command, rest)) = words.split_first() else {
        return Ok(false);
    };
    match &**command {
        "throttle" => {
            let [who, rates @ ..] = rest else {
                return Err("requires username or session id and optional rate(s)");
            };
            if rates.len() > 4 {
                return Err("requires username or session id and optional rate(s)");
            }
            let about = find(who, sessions)?;
            let default = common.settings.throttle_speed;
            let (input, output) = read_rates(rates, default).ok_or("invalid rate")?;
            let same = |wanted: Option<u32>, rate| wanted.is_none_or(|wanted| wanted == rate);
            if same(input, about.throttle_in) && same(output, about.throttle_out) {
                return Err("already throttled");
            }
            common.effect(about.session, Change::Throttle { input, output });
        }
        "unthrottle" => {
            let [who] = rest else {
                return Err("requires username or session id");
            };
            let about = find(who, sessions)?;
            if about.throttle_in == 0 && about.throttle_out == 0 {
                return Err("not throttled");
            }
            let (input, output) = (Some(0), Some(0));
            common.effect(about.session, Change::Throttle { input, output });
        }
        _ => return Ok(false),
    }
    Ok(true)
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
pub(super) fn garden(words: &[String], common: &mut Common, sessions: &dyn Sessions) -> Outcome {
    let Some((command, rest)) = words.split_first() else {
        return Ok(false);
    };
    match &**command {
        "garden" => {
            let [who] = rest else {
                return Err("requires username or session id");
            };
            let about = find(who, sessions)?;
            if about.garden {
                return Err("already in walled garden");
            }
            enclose(&about, common);
            common.effect(about.session, Change::Garden);
        }
        "ungarden" => {
            let (who, user) = match rest {
                [who] => (who, None),
                [who, user] => (who, Some(user.clone())),
                _ => return Err("requires session id and optional username"),
            };
            // Users in the garden are not found by their names.
            let about = by_number(who, sessions)?;
            if !about.garden {
                return Err("not in walled garden");
            }
            release(&about, common);
            common.effect(about.session, Change::Ungarden { user });
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// The session of a number, or else of a user.
fn find(who: &str, sessions: &dyn Sessions) -> Result<Facts, &'static str> {
    if !who.is_empty() && who.bytes().all(|b| b.is_ascii_digit()) {
        return by_number(who, sessions);
    }
    let id = sessions.session_of(who);
    let about = id.and_then(|id| sessions.session(id));
    about.ok_or(NOT_FOUND)
}

fn by_number(who: &str, sessions: &dyn Sessions) -> Result<Facts, &'static str> {
    let number = who.parse().ok();
    let about = number.and_then(|number| sessions.session(SessionId(number)));
    about.ok_or(NOT_FOUND)
}
