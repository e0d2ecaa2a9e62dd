//! What the command line shows: views of the engine, part by part, as text or as JSON.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Value, json};
use wanbox_l2tpns_engine::plane::Cause;
use wanbox_l2tpns_engine::show::{
    self, Bandwidth, Cluster, ForwardRow, IpCacheRow, Matches, PoolRow, RadiusRow, RadiusTotals,
    SessionRow, ThrottleRow, Traffic, TunnelRow, TunnelState, Uptime,
};
use wanbox_l2tpns_engine::{SessionId, TunnelId};
use wanbox_runtime::event_loop::{Loop, Token};
use wanbox_runtime::terminal::print_unless_full;
use wanbox_runtime::wall_clock::{local_offset, local_time, unix_time};

use super::owner;
use super::pump::Node;
use crate::cli::{Form, Page, Show, VERSION};

/// How many rows a part has.
const PART: usize = 200;
/// How many sessions of one user are shown in detail.
const MAX_DETAILS: usize = 32;
/// How many RADIUS requests may be under way over a socket: the identifiers.
const IDENTIFIERS: usize = 256;

/// How often the used bandwidth is looked at.
const SECOND: Duration = Duration::from_secs(1);
/// The counters that it comes from.
const COUNTS: usize = 6;

/// What was wrong with packets from peers, and why others were dropped.
const WRONG_IN: [Cause; 5] = [
    Cause::Header,
    Cause::UnknownSession,
    Cause::Stranger,
    Cause::Frame,
    Cause::Packet,
];
const DROPPED_IN: [Cause; 5] = [
    Cause::Late,
    Cause::Closed,
    Cause::Spoofed,
    Cause::FilteredIn,
    Cause::ThrottledIn,
];
/// The same of packets of the host.
const WRONG_OUT: [Cause; 1] = [Cause::NotIp];
const DROPPED_OUT: [Cause; 6] = [
    Cause::NoSession,
    Cause::NotOpen,
    Cause::TooLong,
    Cause::Limited,
    Cause::FilteredOut,
    Cause::ThrottledOut,
];

/// A part in the making.
struct Part {
    form: Form,
    text: String,
    values: Vec<Value>,
    rows: usize,
}

impl Part {
    /// The heading is above the first part alone.
    fn new(form: Form, from: u64, heading: &str) -> Self {
        let mut part = Self {
            form,
            text: String::new(),
            values: Vec::new(),
            rows: 0,
        };
        if from == 0 {
            part.line(heading);
        }
        part
    }

    fn is_full(&self) -> bool {
        self.rows >= PART
    }

    fn row(&mut self, row: &(impl Display + Serialize)) {
        self.rows += 1;
        match self.form {
            Form::Text => self.line(&row.to_string()),
            Form::Json => self.values.push(json!(row)),
        }
    }

    /// A line that is no row.
    fn line(&mut self, line: &str) {
        if self.form == Form::Text && !line.is_empty() {
            self.text.push_str(line);
            self.text.push('\n');
        }
    }

    /// Lines with their newlines, below all rows.
    fn end(&mut self, lines: &impl Display) {
        if self.form == Form::Text {
            self.text.push_str(&lines.to_string());
        }
    }

    fn page(self) -> Page {
        match self.form {
            Form::Text => Page::Text(self.text),
            Form::Json => Page::Json(Value::Array(self.values)),
        }
    }
}

/// A view of a few lines, each with its newline.
fn whole(form: Form, view: &(impl Display + Serialize)) -> Page {
    match form {
        Form::Text => Page::Text(view.to_string()),
        Form::Json => Page::Json(json!(view)),
    }
}

fn either(form: Form, text: String, value: impl FnOnce() -> Value) -> Page {
    match form {
        Form::Text => Page::Text(text),
        Form::Json => Page::Json(value()),
    }
}

type Shown = Result<(Page, Option<u64>), String>;

impl Node {
    /// A part of a view.
    pub(super) fn show(&mut self, now: Instant, what: &Show, form: Form, from: u64) -> Shown {
        let config = Arc::clone(&self.config);
        let page = match what {
            Show::Sessions => return Ok(self.show_sessions(now, form, from)),
            Show::Users => return Ok(self.show_users(now, form, from)),
            Show::Tunnels { all } => return Ok(self.show_tunnels(form, from, *all)),
            Show::Pool { all } => return Ok(self.show_pool(now, form, from, *all)),
            Show::IpCache => return Ok(self.show_ip_cache(form, from)),
            Show::Radius { .. } => return Ok(self.show_radius(now, form, from)),
            Show::Throttled => return Ok(self.show_throttled(form, from)),
            Show::TokenBuckets => return Ok(self.show_buckets(form, from)),
            Show::Session(id) => self
                .engine
                .with_session(now, *id, |session| whole(form, session))
                .ok_or_else(|| format!("Session {id} is not active."))?,
            Show::Tunnel(id) => self
                .engine
                .with_tunnel(now, *id, |tunnel| whole(form, tunnel))
                .ok_or_else(|| format!("Tunnel {id} is not connected"))?,
            Show::User(name) => self.show_user(now, form, name),
            Show::Banana => either(form, show::banana().to_owned(), || json!(show::banana())),
            Show::Version => either(
                form,
                show::version(VERSION),
                || json!({ "version": VERSION, "wanbox": env!("CARGO_PKG_VERSION") }),
            ),
            Show::Bgp(peer) => either(form, show::bgp(&config, peer.as_deref()), || json!(null)),
            Show::Cluster => whole(form, &Cluster::alone(&config, self.highest())),
            Show::Counters => whole(form, &self.shown_counters()),
            Show::HistogramIdle => whole(form, &self.engine.idle_histogram(now)),
            Show::HistogramOpen => whole(form, &self.engine.open_histogram(now)),
            Show::Plugins => either(form, show::plugins(&config), || json!(config.plugins)),
            Show::RunningConfig => {
                let text = config.running();
                let lines: Vec<&str> = text.lines().collect();
                let value = json!(lines);
                either(form, text, || value)
            }
            Show::RemoteLns => self.show_forwards(form),
            Show::AccessList(name) => self.show_access_list(form, name)?,
            Show::Uptime => whole(form, &self.uptime(now)),
        };
        Ok((page, None))
    }

    fn show_sessions(&self, now: Instant, form: Form, from: u64) -> (Page, Option<u64>) {
        let mut part = Part::new(form, from, SessionRow::HEADING);
        for row in self.engine.session_rows(now, SessionId(from as u32)) {
            if part.is_full() {
                return (part.page(), Some(row.session.0.into()));
            }
            part.row(&row);
        }
        (part.page(), None)
    }

    fn show_users(&self, now: Instant, form: Form, from: u64) -> (Page, Option<u64>) {
        let mut part = Part::new(form, from, "");
        let rows = self.engine.session_rows(now, SessionId(from as u32));
        for row in rows.filter(|row| !row.user.is_empty()) {
            if part.is_full() {
                return (part.page(), Some(row.session.0.into()));
            }
            part.row(&row.user);
        }
        (part.page(), None)
    }

    fn show_user(&self, now: Instant, form: Form, name: &str) -> Page {
        let mut part = Part::new(form, 1, "");
        let sessions: Vec<SessionId> = self
            .engine
            .session_rows(now, SessionId(0))
            .filter(|row| row.user == name && !row.garden)
            .map(|row| row.session)
            .take(MAX_DETAILS)
            .collect();
        for id in sessions {
            self.engine.with_session(now, id, |session| match form {
                Form::Text => part.end(session),
                Form::Json => part.values.push(json!(session)),
            });
        }
        part.page()
    }

    fn show_tunnels(&self, form: Form, from: u64, all: bool) -> (Page, Option<u64>) {
        let mut part = Part::new(form, from, TunnelRow::HEADING);
        let mut next = None;
        self.engine.tunnel_rows(TunnelId(from as u16), all, |row| {
            if part.is_full() {
                next = Some(row.tunnel.0.into());
                return ControlFlow::Break(());
            }
            part.row(row);
            ControlFlow::Continue(())
        });
        (part.page(), next)
    }

    /// `from` is an address, and behind those that somebody had, an address of the others.
    fn show_pool(&self, now: Instant, form: Form, from: u64, all: bool) -> (Page, Option<u64>) {
        const NEVER_USED: u64 = 1 << 32;
        let mut part = Part::new(form, from, PoolRow::HEADING);
        let address = Ipv4Addr::from(from as u32);
        let mut next = None;
        self.engine.pool_rows(now, address, all, |row| {
            let never_used = row.session.is_none() && row.released.is_none();
            if from >= NEVER_USED && !never_used {
                return ControlFlow::Continue(());
            }
            if part.is_full() {
                let stage = if never_used { NEVER_USED } else { 0 };
                next = Some(stage | u64::from(row.address.to_bits()));
                return ControlFlow::Break(());
            }
            part.row(row);
            ControlFlow::Continue(())
        });
        if next.is_none() {
            part.end(&self.engine.pool_totals(all));
        }
        (part.page(), next)
    }

    fn show_ip_cache(&self, form: Form, from: u64) -> (Page, Option<u64>) {
        let mut part = Part::new(form, from, IpCacheRow::HEADING);
        let mut last = None;
        for row in self.engine.ip_cache(SessionId(from as u32)) {
            // All entries of a session are in one part.
            if part.is_full() && last != Some(row.session) {
                return (part.page(), Some(row.session.0.into()));
            }
            last = Some(row.session);
            part.row(&row);
        }
        if form == Form::Text {
            let entries = self.engine.ip_cache(SessionId(0)).count();
            part.end(&IpCacheRow::total(entries));
        }
        (part.page(), None)
    }

    fn show_radius(&self, now: Instant, form: Form, from: u64) -> (Page, Option<u64>) {
        let mut part = Part::new(form, from, RadiusRow::HEADING);
        let mut used = 0;
        for (place, row) in self.engine.radius_rows(now).enumerate() {
            used += 1;
            if (place as u64) < from {
                continue;
            }
            if part.is_full() {
                return (part.page(), Some(place as u64));
            }
            part.row(&row);
        }
        let places = self.radius.len() * IDENTIFIERS;
        part.end(&RadiusTotals {
            free: places.saturating_sub(used),
            used,
        });
        (part.page(), None)
    }

    fn show_throttled(&self, form: Form, from: u64) -> (Page, Option<u64>) {
        let mut part = Part::new(form, from, ThrottleRow::HEADING);
        for row in self.engine.throttle_rows(SessionId(from as u32)) {
            if part.is_full() {
                return (part.page(), Some(row.session.0.into()));
            }
            part.row(&row);
        }
        (part.page(), None)
    }

    fn show_buckets(&self, form: Form, from: u64) -> (Page, Option<u64>) {
        let mut part = Part::new(form, from, show::BUCKET_HEADING);
        let mut used = 0;
        for (place, bucket) in self.engine.buckets().enumerate() {
            used += 1;
            if (place as u64) < from {
                continue;
            }
            if part.is_full() {
                return (part.page(), Some(place as u64));
            }
            part.row(&bucket);
        }
        let most = self.config.throttle_buckets as usize;
        part.end(&show::bucket_totals(used, most.max(used)));
        (part.page(), None)
    }

    fn show_forwards(&self, form: Form) -> Page {
        let mut part = Part::new(form, 0, ForwardRow::HEADING);
        for forward in &self.config.forwards {
            part.row(&ForwardRow {
                address: IpAddr::V4(forward.address),
                tunnel: None,
                secret: &forward.secret,
                assignment: &forward.mask,
                from_radius: false,
                state: TunnelState::Free,
                sessions: 0,
            });
        }
        part.page()
    }

    fn show_access_list(&mut self, form: Form, name: &str) -> Result<Page, String> {
        let config = Arc::clone(&self.config);
        let list = config.access_lists.find(name);
        let list = list.ok_or_else(|| format!("Access-list {name} not defined"))?;
        let matches: Vec<u64> = match self.engine.plane().list(name) {
            Some(active) => active.rules().map(|(_, matches)| matches).collect(),
            None => Vec::new(),
        };
        Ok(either(form, show::access_list(list, &matches), || {
            let rules = list.rules.iter().enumerate().map(|(place, rule)| Matches {
                rule: list.show(rule).to_string(),
                matches: matches.get(place).copied().unwrap_or(0),
            });
            let rules: Vec<Matches> = rules.collect();
            json!([{ "name": name, "type": list.list_type.name(), "rules": rules }])
        }))
    }

    fn shown_counters(&mut self) -> show::Counters {
        let mut counters = self.totals().since(&self.before);
        counters.reset = self.cleared;
        counters.reset_text = date(self.cleared);
        counters
    }

    /// `clear counters`: what is shown begins at zero. What Prometheus is told goes on.
    pub(super) fn clear_counters(&mut self) {
        self.before = self.totals();
        self.cleared = u64::try_from(unix_time()).unwrap_or(0);
    }

    /// Everything counted since the start.
    fn totals(&mut self) -> show::Counters {
        let (edges, own) = (self.edges, self.counters);
        let tun = self.interface.stats();
        let stats = *self.engine.plane().stats();
        let tunnels = self.engine.tunnels();
        let (table, control) = (tunnels.table_stats(), tunnels.stats());
        let own_messages = *self.control.stats();
        let mut wrong = stats.dropped_for(&WRONG_IN);
        for count in [
            table.malformed,
            table.unknown_tunnel,
            table.not_a_request,
            table.bad_request,
            control.malformed,
            control.wrong_source,
            control.bad_acknowledgement,
            control.beyond_window,
        ] {
            wrong += u64::from(count);
        }
        for socket in &self.l2tp {
            wrong += socket.overflows() + socket.stats().cut;
        }
        let mut named = self.engine.named_counters();
        named.extend([
            ("packets_snooped", edges.copies),
            ("select_called", own.turns),
            ("multi_read_used", edges.read_again),
            ("multi_read_exceeded", edges.read_enough),
            ("unsent", self.unsent()),
            ("routes_refused", own.routes_refused),
            ("aside_unsent", edges.aside_unsent),
            ("log_lines_lost", self.logging.lost()),
        ]);
        named.sort_unstable();
        show::Counters {
            ethernet_rx: Traffic {
                octets: edges.host_octets,
                packets: edges.host_packets,
                errors: stats.dropped_for(&WRONG_OUT),
                // The kernel drops what it would have sent when we do not read in time.
                dropped: stats.dropped_for(&DROPPED_OUT) + tun.tx_dropped,
                retries: 0,
            },
            ethernet_tx: Traffic {
                octets: stats.octets_in,
                packets: stats.packets_in,
                errors: edges.tun_refused,
                dropped: tun.rx_dropped,
                retries: 0,
            },
            tunnel_rx: Traffic {
                octets: edges.peers_octets,
                packets: edges.peers_datagrams,
                errors: wrong,
                dropped: stats.dropped_for(&DROPPED_IN),
                retries: 0,
            },
            tunnel_tx: Traffic {
                octets: edges.sent_octets + own_messages.octets,
                packets: edges.sent + own_messages.sent(),
                errors: edges.unsent + own_messages.refused,
                dropped: 0,
                retries: control.resent.into(),
            },
            named,
            ..show::Counters::default()
        }
    }

    /// The highest session, bundle and tunnel.
    fn highest(&self) -> (u32, u32, u32) {
        let session = self
            .engine
            .sessions()
            .iter()
            .map(|session| session.id.0)
            .max();
        let tunnel = self
            .engine
            .tunnels()
            .iter()
            .map(|tunnel| tunnel.id().0)
            .max();
        let bundle = self.engine.highest_bundle();
        (session.unwrap_or(0), bundle, tunnel.unwrap_or(0).into())
    }

    fn uptime(&mut self, now: Instant) -> Uptime {
        self.measure(now);
        let sessions = self.engine.sessions().iter();
        let time = local_time(unix_time());
        Uptime {
            time: format!("{:02}:{:02}:{:02}", time.hour, time.minute, time.second),
            seconds: now.saturating_duration_since(self.started).as_secs(),
            users: sessions.filter(|session| !session.user.is_empty()).count(),
            load: load(),
            bandwidth: self.measured.bandwidth,
        }
    }

    /// `dump_speed`: the used bandwidth on standard output, once a second.
    pub(super) fn dump_speed(&mut self, lp: &mut Loop) {
        if !self.config.dump_speed || self.dumping {
            return;
        }
        // Nobody has to be there who reads it.
        let _ = print_unless_full(&format!("{}\n", self.measured.bandwidth));
        self.dumping = true;
        lp.set_timer(Token::new(owner::SPEED, 0), lp.now() + SECOND);
    }

    /// Looks at the counters, if a second has passed since the last look.
    pub(super) fn measure(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.measured.at);
        if elapsed < SECOND {
            return;
        }
        let stats = self.engine.plane().stats();
        let edges = &self.edges;
        let counts = [
            edges.peers_octets,
            stats.octets_in,
            edges.host_octets,
            edges.sent_octets + self.control.stats().octets,
            stats.packets_in,
            stats.packets_out,
        ];
        let milliseconds = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let mut rates = [0; COUNTS];
        for ((rate, count), before) in rates.iter_mut().zip(counts).zip(self.measured.counts) {
            let new = count.saturating_sub(before);
            *rate = new.saturating_mul(1000) / milliseconds;
        }
        let [
            from_tunnels,
            to_tun,
            from_tun,
            to_tunnels,
            packets_in,
            packets_out,
        ] = rates;
        self.measured = Measured {
            at: now,
            counts,
            bandwidth: Bandwidth {
                from_tunnels: from_tunnels * 8,
                to_tun: to_tun * 8,
                from_tun: from_tun * 8,
                to_tunnels: to_tunnels * 8,
                packets_in,
                packets_out,
            },
        };
    }
}

/// Used bandwidth: what passed between the last two looks at the counters.
pub struct Measured {
    at: Instant,
    counts: [u64; COUNTS],
    bandwidth: Bandwidth,
}

impl Measured {
    /// Nothing passed before.
    pub fn new(now: Instant) -> Self {
        Self {
            at: now,
            counts: [0; COUNTS],
            bandwidth: Bandwidth::default(),
        }
    }
}

/// The load averages of the machine; zeros where it does not tell.
fn load() -> [f64; 3] {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let mut words = text.split(' ').map(|word| word.parse().unwrap_or(0.0));
    [(); 3].map(|()| words.next().unwrap_or(0.0))
}

/// A time as C's ctime has it: `Sat Nov 21 13:34:06 2026`.
fn date(unix: u64) -> String {
    const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let unix = i64::try_from(unix).unwrap_or(0);
    let time = local_time(unix);
    // 1970 began on a Thursday.
    let day = (unix + i64::from(local_offset(unix))).div_euclid(86_400) + 4;
    let of = |names: &[&'static str], place: i64| {
        let place = usize::try_from(place).unwrap_or(0);
        names.get(place).copied().unwrap_or_default()
    };
    let day = of(&DAYS, day.rem_euclid(7));
    let month = of(&MONTHS, i64::from(time.month) - 1);
    format!(
        "{day} {month} {:2} {:02}:{:02}:{:02} {}",
        time.day, time.hour, time.minute, time.second, time.year
    )
}
