//! What the command line shows: views of the engine, part by part, as text or as JSON.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Value, json};
use wanbox_l2tpns_engine::show::{
    self, Bandwidth, Cluster, ForwardRow, IpCacheRow, Matches, PoolRow, RadiusRow, RadiusTotals,
    SessionRow, ThrottleRow, Traffic, TunnelRow, TunnelState, Uptime,
};
use wanbox_l2tpns_engine::{SessionId, TunnelId};
use wanbox_runtime::wall_clock::{local_offset, local_time, unix_time};

use super::pump::Node;
use crate::cli::{Form, Page, Show, VERSION};

/// How many rows a part has.
const PART: usize = 200;
/// How many sessions of one user are shown in detail.
const MAX_DETAILS: usize = 32;
/// How many RADIUS requests may be under way over a socket: the identifiers.
const IDENTIFIERS: usize = 256;

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
        let stats = *self.engine.plane().stats();
        let traffic = |octets, packets| Traffic {
            octets,
            packets,
            ..Traffic::default()
        };
        show::Counters {
            ethernet_rx: traffic(stats.octets_out, stats.packets_out),
            ethernet_tx: traffic(stats.octets_in, stats.packets_in),
            tunnel_rx: traffic(stats.octets_in, stats.packets_in),
            tunnel_tx: Traffic {
                errors: self.counters.unsent,
                ..traffic(stats.octets_out, stats.packets_out)
            },
            named: self.engine.named_counters(),
            reset: self.cleared,
            reset_text: date(self.cleared),
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
        (session.unwrap_or(0), 0, tunnel.unwrap_or(0).into())
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

    /// Looks at the counters, if a second has passed since the last look.
    pub(super) fn measure(&mut self, now: Instant) {
        const SECOND: Duration = Duration::from_secs(1);
        let elapsed = now.saturating_duration_since(self.measured.at);
        if elapsed < SECOND {
            return;
        }
        let stats = self.engine.plane().stats();
        let counts = [
            stats.octets_in,
            stats.octets_out,
            stats.packets_in,
            stats.packets_out,
        ];
        let milliseconds = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let mut rates = [0; 4];
        for ((rate, count), before) in rates.iter_mut().zip(counts).zip(self.measured.counts) {
            let new = count.saturating_sub(before);
            *rate = new.saturating_mul(1000) / milliseconds;
        }
        let [octets_in, octets_out, packets_in, packets_out] = rates;
        self.measured = Measured {
            at: now,
            counts,
            bandwidth: Bandwidth {
                from_tunnels: octets_in * 8,
                to_tun: octets_in * 8,
                from_tun: octets_out * 8,
                to_tunnels: octets_out * 8,
                packets_in,
                packets_out,
            },
        };
    }
}

/// Used bandwidth: what passed between the last two looks at the counters.
pub struct Measured {
    at: Instant,
    counts: [u64; 4],
    bandwidth: Bandwidth,
}

impl Measured {
    /// Nothing passed before.
    pub fn new(now: Instant) -> Self {
        Self {
            at: now,
            counts: [0; 4],
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
