//! AX.25 as text.

use std::fmt::Write as _;
use std::time::Instant;

use wanbox_net_ax25::connection::TimerStatus;
use wanbox_net_ax25::{Ax25, LinkView, Seen};
use wanbox_wire::ax25::Call;

use super::days;
use crate::interface::{InterfaceId, Interfaces};

/// All connections, one in a line.
#[must_use]
pub fn ax25_status(ax25: &Ax25, now: Instant) -> String {
    let mut text = "   &AXCB Rcv-Q Unack  Rt  Srtt  State          Remote\n".to_owned();
    for link in ax25.links() {
        let status = link.connection.status(now);
        let mark = |flag| if flag { '*' } else { ' ' };
        let _ = writeln!(
            text,
            "{} {:5}{}{:3}/{}{} {:2} {:6}  {:<13}  {}",
            link.id,
            status.receive_queue,
            mark(status.rnr_sent),
            status.unacknowledged,
            status.window,
            mark(status.remote_busy),
            status.retries,
            status.srt.as_millis(),
            status.state.name(),
            link.header,
        );
    }
    if ax25.listens {
        let _ = writeln!(text, "{:32}Listening      *", "");
    }
    text
}

fn timer(timer: &TimerStatus) -> String {
    let left = match timer.remaining {
        Some(left) => left.as_millis().to_string(),
        None => "stop".to_owned(),
    };
    format!("{left}/{} ms", timer.duration.as_millis())
}

/// One connection.
#[must_use]
pub fn ax25_link(link: &LinkView<'_>, now: Instant) -> String {
    let status = link.connection.status(now);
    let [t1, t3, t4, t5] = &status.timers.map(|of| timer(&of));
    format!(
        "    &AXB Remote   RB V(S) V(R) Unack P Retry State\n\
         {} {:<9}{}{} {:4} {:4} {:02}/{:02} {} {:02}/{:02} {}\n\
         srtt = {} mdev = {} T1: {t1}; T3: {t3}\n\
         T4: {t4}; T5: {t5}\n",
        link.id,
        link.header.destination,
        if status.reject_sent { 'R' } else { ' ' },
        if status.remote_busy { 'B' } else { ' ' },
        status.vs,
        status.vr,
        status.unacknowledged,
        status.window,
        status.version,
        status.retries,
        status.retry_limit,
        status.state.name(),
        status.srt.as_millis(),
        status.mdev.as_millis(),
    )
}

/// Who was heard on an interface, ourselves first.
#[must_use]
pub fn ax25_heard(ax25: &Ax25, name: &str, id: InterfaceId, now: Instant) -> String {
    let mut text = format!("{name}:\nStation   Last heard           Pkts\n");
    let ours = ax25.port(id.port()).map(|port| port.call);
    let mut heard = ax25.heard.listed(id.port());
    heard.sort_by_key(|(call, _)| Some(*call) != ours);
    for (call, seen) in heard {
        let since = days(now.saturating_duration_since(seen.last));
        let _ = writeln!(text, "{call:<10}{since:<17}{:8}", seen.frames);
    }
    text
}

/// Who was heard, for a view of the present: what matters most comes first, for narrow screens cut lines. Each with the
/// name of the interface.
#[must_use]
pub fn ax25_heard_live(heard: &[(&str, Call, &Seen)], now: Instant) -> String {
    let mut text = "Station    Last heard       Pkts  Interface  Protocols        Via\n".to_owned();
    for (name, call, seen) in heard {
        let since = days(now.saturating_duration_since(seen.last));
        let protocols = seen.protocols().collect::<Vec<_>>().join(" ");
        let _ = write!(
            text,
            "{call:<10} {since:<11} {:9}  {name:<9}  {protocols:<15}",
            seen.frames
        );
        for (at, digi) in seen.via.iter().enumerate() {
            let before = if at == 0 { "  " } else { "," };
            let _ = write!(text, "{before}{}", digi.call);
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

/// For whom there were frames on an interface.
#[must_use]
pub fn ax25_destinations(ax25: &Ax25, name: &str, id: InterfaceId, now: Instant) -> String {
    let mut text = format!("{name}:\nStation   Last ref         Last heard           Pkts\n");
    let since = |at| days(now.saturating_duration_since(at));
    for (call, seen) in ax25.destinations.listed(id.port()) {
        let heard = ax25.heard.get(id.port(), call);
        let heard = heard.map(|heard| since(heard.last)).unwrap_or_default();
        let last = since(seen.last);
        let _ = writeln!(text, "{call:<10}{last:<17}{heard:<17}{:8}", seen.frames);
    }
    text
}

/// How many stations are reached by each interface.
#[must_use]
pub fn ax25_route_counts(ax25: &Ax25, interfaces: &Interfaces) -> String {
    let (counts, nowhere) = ax25.routes.count();
    let mut text = "Interface  Count\n".to_owned();
    let mut total = nowhere;
    for (id, interface) in interfaces.iter() {
        let is_default = ax25.routes.default == Some(id.port());
        let count = counts.iter().find(|(port, _)| *port == id.port());
        let count = count.map_or(0, |(_, count)| *count);
        if count > 0 || is_default {
            let mark = if is_default { '*' } else { ' ' };
            let _ = writeln!(text, "{mark} {:<7}  {count:5}", interface.name());
        }
        total += count;
    }
    let _ = writeln!(text, "---------  -----\n  total    {total:5}");
    text
}

/// The way to a station, in a line. `unix`: the present in seconds of Unix time, where the zone is added.
#[must_use]
pub fn ax25_route(
    ax25: &Ax25,
    interfaces: &Interfaces,
    (now, unix): (Instant, i64),
    call: Call,
) -> String {
    let Some(route) = ax25.routes.get(call) else {
        return format!("*** Not in table *** {call}\n");
    };
    let path = ax25.routes.path(call, wanbox_wire::ax25::Digis::MOST);
    let name = path
        .as_ref()
        .and_then(|(_, port)| interfaces.get(InterfaceId::of_port(*port)))
        .map_or("???", |interface| interface.name());
    let used = unix - ax25.seconds(now) + route.used;
    let (_, month, day) = date(used.div_euclid(86_400));
    let minutes = used.rem_euclid(86_400) / 60;
    let mark = |flag, letter| if flag { letter } else { ' ' };
    let mut text = format!(
        "{day:2}-{month}  {:02}:{:02}  {name:<9}  {}{} {call}",
        minutes / 60,
        minutes % 60,
        mark(route.permanent, 'P'),
        mark(route.jumpstart, 'J'),
    );
    let digis = path.map(|(digis, _)| digis).unwrap_or_default();
    for (at, digi) in digis.iter().enumerate() {
        let before = if at == 0 { " via " } else { "," };
        let _ = write!(text, "{before}{}", digi.call);
    }
    text.push('\n');
    text
}

/// The year, the month and the day of it, for days since 1970.
#[must_use]
pub fn date(days: i64) -> (i64, &'static str, i64) {
    // From March on, so that the odd day is the last of a year: of 400 years, of 100, of 4, of one.
    let days = days + 719_468;
    let day = days.rem_euclid(146_097);
    let centuries = (day / 36_524).min(3);
    let day = day - 36_524 * centuries;
    let (leaps, day) = (day / 1_461, day % 1_461);
    let years = (day / 365).min(3);
    let day = day - 365 * years;
    let month = (5 * day + 2) / 153;
    let year = 400 * days.div_euclid(146_097) + 100 * centuries + 4 * leaps + years;
    const MONTHS: [&str; 12] = [
        "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb",
    ];
    let name = usize::try_from(month).ok().and_then(|at| MONTHS.get(at));
    let day = day - (153 * month + 2) / 5 + 1;
    (year + month / 10, name.unwrap_or(&"???"), day)
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn days_have_dates() {
        for (days, expected) in [
            (0, (1970, "Jan", 1)),
            (58, (1970, "Feb", 28)),
            (59, (1970, "Mar", 1)),
            (789, (1972, "Feb", 29)),
            (790, (1972, "Mar", 1)),
            (11_016, (2000, "Feb", 29)),
            (11_017, (2000, "Mar", 1)),
            (20_818, (2026, "Dec", 31)),
            (20_819, (2027, "Jan", 1)),
            (-1, (1969, "Dec", 31)),
        ] {
            assert_eq!(date(days), expected, "{days}");
        }
    }
}
