//! The plugins that are built in.

use std::net::{Ipv4Addr, SocketAddr};

use super::{Answer, Change, Common, Event, Facts, Flow, Sessions, Wall, Work, commands};

/// Their names, and what each is for.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("autosnoop", "interception by RADIUS (intercept=...)"),
    (
        "autothrottle",
        "rates by RADIUS (throttle=..., lcp:interface-config=...)",
    ),
    (
        "garden",
        "users that RADIUS rejects get into the walled garden",
    ),
    ("sessionctl", "nsctl ends sessions"),
    ("setrxspeed", "the receive speed that some LACs leave out"),
    ("snoopctl", "nsctl intercepts sessions"),
    ("stripdomain", "user names lose what follows @"),
    ("throttlectl", "nsctl limits sessions"),
];

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BuiltIn {
    Autosnoop,
    Autothrottle,
    Garden,
    Sessionctl,
    Setrxspeed,
    Snoopctl,
    Stripdomain,
    Throttlectl,
}

/// In the order of [`BUILT_IN`].
const ALL: [BuiltIn; 8] = [
    BuiltIn::Autosnoop,
    BuiltIn::Autothrottle,
    BuiltIn::Garden,
    BuiltIn::Sessionctl,
    BuiltIn::Setrxspeed,
    BuiltIn::Snoopctl,
    BuiltIn::Stripdomain,
    BuiltIn::Throttlectl,
];

impl BuiltIn {
    pub(super) fn find(name: &str) -> Option<Self> {
        let at = BUILT_IN.iter().position(|(known, _)| *known == name)?;
        ALL.get(at).copied()
    }

    pub(super) fn load(self, common: &mut Common) {
        if self == Self::Garden {
            common.garden.clear();
            common.work.push_back(Work::Garden(Wall::Build));
        }
    }

    /// Without the garden nothing would hold back who is in it: those sessions end.
    pub(super) fn unload(self, common: &mut Common) {
        if self != Self::Garden {
            return;
        }
        for session in std::mem::take(&mut common.garden).into_keys() {
            let reason = "The walled garden is closed.".to_owned();
            common.effect(session, Change::Shutdown { reason });
        }
        common.work.push_back(Work::Garden(Wall::Remove));
    }

    /// Lines of help for nsctl.
    pub(super) fn help(self) -> &'static [&'static str] {
        match self {
            Self::Sessionctl => &[
                "  drop USER|SID [REASON]                      Shutdown user session",
                "  kill USER|SID [REASON]                      Kill user session",
            ],
            Self::Snoopctl => &[
                "  snoop USER|SID IP PORT                      Intercept user traffic",
                "  unsnoop USER|SID                            Stop intercepting user",
            ],
            Self::Throttlectl => &[
                "  throttle USER|SID [RATE|[in|out] RATE ...]  Throttle user traffic",
                "  unthrottle USER|SID                         Stop throttling user",
            ],
            Self::Garden => &[
                "  garden USER|SID                             Put user into the walled garden",
                "  ungarden SID [USER]                         Release session from garden",
            ],
            Self::Autosnoop | Self::Autothrottle | Self::Setrxspeed | Self::Stripdomain => &[],
        }
    }

    pub(super) fn handle(
        self,
        event: &mut Event,
        common: &mut Common,
        sessions: &dyn Sessions,
    ) -> Flow {
        if let Event::Control { arguments, answer } = event {
            let outcome = match self {
                Self::Sessionctl => commands::sessionctl(arguments, common, sessions),
                Self::Snoopctl => commands::snoopctl(arguments, common, sessions),
                Self::Throttlectl => commands::throttlectl(arguments, common, sessions),
                Self::Garden => commands::garden(arguments, common, sessions),
                _ => Ok(false),
            };
            *answer = match outcome {
                Ok(false) => return Flow::Next,
                Ok(true) => Some(Answer::DONE),
                Err(why) => Some(Answer::error(why)),
            };
            return Flow::Stop;
        }
        match self {
            Self::Autosnoop => autosnoop(event, common),
            Self::Autothrottle => autothrottle(event, common),
            Self::Garden => garden(event, common),
            Self::Setrxspeed => set_rx_speed(event),
            Self::Stripdomain => {
                if let Event::PreAuth { username, .. } = event
                    && let Some(at) = username.find('@')
                {
                    username.truncate(at);
                }
            }
            Self::Sessionctl | Self::Snoopctl | Self::Throttlectl => {}
        }
        Flow::Next
    }
}

/// Interception by `intercept=IP:PORT`; `yes` is the configured collector, anything else none.
fn autosnoop(event: &mut Event, common: &mut Common) {
    match event {
        Event::RadiusResponse { about, key, value } if key == "intercept" => {
            let to = if value == "yes" {
                common.settings.snoop
            } else {
                value.parse::<SocketAddr>().ok().filter(|to| to.port() != 0)
            };
            if to.is_none() && value != "no" {
                common.counters.bad_pairs += 1;
                let text = format!(
                    "intercept={}: no collector, no interception",
                    value.escape_debug()
                );
                common.log(2, text);
            }
            common.effect(about.session, Change::Snoop(to));
        }
        Event::RadiusReset(about) if about.snoop.is_some() => {
            common.effect(about.session, Change::Snoop(None));
        }
        Event::RadiusAccount { about, pairs, .. } => {
            if let Some(to) = about.snoop {
                pairs.push(format!("intercept={to}"));
            }
        }
        _ => {}
    }
}

/// Rates by `throttle=RATE` and `lcp:interface-config=service-policy {input|output} RATE`.
fn autothrottle(event: &mut Event, common: &mut Common) {
    match event {
        Event::RadiusResponse { about, key, value } => {
            let rates = if key == "throttle" {
                let rate = match &**value {
                    "yes" => Some(common.settings.throttle_speed),
                    "no" => Some(0),
                    rate => rate.parse().ok(),
                };
                rate.map(|rate| (Some(rate), Some(rate)))
            } else if key.starts_with("lcp:interface-config") {
                match service_policy(value) {
                    ServicePolicy::Rates(input, output) => Some((input, output)),
                    // Other commands of an interface are for others.
                    ServicePolicy::Other => return,
                    ServicePolicy::Bad => None,
                }
            } else {
                return;
            };
            if let Some((input, output)) = rates {
                common.effect(about.session, Change::Throttle { input, output });
            } else {
                common.counters.bad_pairs += 1;
                let text = format!("{}={}: no rate", key.escape_debug(), value.escape_debug());
                common.log(2, text);
            }
        }
        Event::RadiusReset(about) if about.throttle_in != 0 || about.throttle_out != 0 => {
            let (input, output) = (Some(0), Some(0));
            common.effect(about.session, Change::Throttle { input, output });
        }
        Event::RadiusAccount { about, pairs, .. } => {
            let rates = [("input", about.throttle_in), ("output", about.throttle_out)];
            let set = rates.into_iter().filter(|(_, rate)| *rate != 0);
            pairs.extend(set.zip(1..).map(|((direction, rate), n)| {
                format!("lcp:interface-config#{n}=service-policy {direction} {rate}")
            }));
        }
        _ => {}
    }
}

enum ServicePolicy {
    Rates(Option<u32>, Option<u32>),
    Other,
    Bad,
}

/// `service-policy input N` or `output N`; of the words four letters and one are enough.
fn service_policy(text: &str) -> ServicePolicy {
    let mut words = text.split_whitespace();
    let (command, direction, rate) = (words.next(), words.next(), words.next());
    let begins = |word: Option<&str>, whole: &str, least: usize| {
        word.is_some_and(|word| word.len() >= least && whole.starts_with(word))
    };
    if !begins(command, "service-policy", 4) {
        return ServicePolicy::Other;
    }
    match rate.and_then(|rate| rate.parse().ok()) {
        Some(rate) if begins(direction, "input", 1) => ServicePolicy::Rates(Some(rate), None),
        Some(rate) if begins(direction, "output", 1) => ServicePolicy::Rates(None, Some(rate)),
        _ => ServicePolicy::Bad,
    }
}

/// Whoever is rejected gets in, but no further than the garden.
fn garden(event: &mut Event, common: &mut Common) {
    match event {
        Event::PostAuth {
            about,
            auth_allowed,
            ..
        } if !*auth_allowed => {
            *auth_allowed = true;
            about.garden = true;
        }
        Event::NewSession(about) if about.garden => enclose(about, common),
        Event::KillSession(about) => release(about, common),
        _ => {}
    }
}

/// Leads the packets of a session into the garden.
pub(super) fn enclose(about: &Facts, common: &mut Common) {
    let Some(address) = about.address else {
        return;
    };
    if common.garden.get(&about.session) == Some(&address) {
        return;
    }
    release(about, common);
    // The links of a bundle have one address.
    if !is_enclosed(common, address) {
        common.work.push_back(Work::Garden(Wall::Add(address)));
    }
    common.garden.insert(about.session, address);
}

fn is_enclosed(common: &Common, address: Ipv4Addr) -> bool {
    common.garden.values().any(|other| *other == address)
}

/// No longer.
pub(super) fn release(about: &Facts, common: &mut Common) {
    if let Some(address) = common.garden.remove(&about.session)
        && !is_enclosed(common, address)
    {
        common.work.push_back(Work::Garden(Wall::Delete(address)));
    }
}

/// The receive speed of lines whose LAC only tells the other one.
fn set_rx_speed(event: &mut Event) {
    if let Event::PostAuth {
        auth_allowed: true,
        rx_speed,
        tx_speed,
        ..
    } = event
        && *rx_speed == 0
    {
        // The original knew these numbers without their thousands.
        *rx_speed = match *tx_speed {
            256 => 64,
            512 => 128,
            1500 => 256,
            256_000 => 64_000,
            512_000 => 128_000,
            1_500_000 => 256_000,
            _ => 0,
        };
    }
}
