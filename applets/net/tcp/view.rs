//! What people see of a connection.

use std::time::Duration;

use crate::connection::{Connection, State};
use crate::event::Reason;
use crate::flow::Flow;
use crate::parameters::Parameters;
use crate::table::Id;
use crate::timers::{Micros, NEVER};

/// The retransmission timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// It does not run.
    Stopped,
    /// It ends after so long.
    Running(Duration),
    /// It has ended, and is about to be looked at.
    Expired,
}

/// Everything that `tcp status TCB` shows. Sequence numbers are those on the wire; octets are of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// The connection.
    pub id: Id,
    /// Both ends.
    pub flow: Flow,
    /// The state.
    pub state: State,
    /// Why it ended, if it did.
    pub reason: Option<Reason>,
    /// It came through a server.
    pub passive: bool,

    /// SND.UNA: the first octet not acknowledged.
    pub send_unacknowledged: u32,
    /// SND.NXT: behind the last octet sent.
    pub send_next: u32,
    /// Octets sent again.
    pub resent: u64,
    /// The congestion window, octets.
    pub congestion_window: u32,
    /// Where slow start ends, octets.
    pub threshold: u32,
    /// The other side's window, octets.
    pub send_window: u32,
    /// The longest segment sent, octets.
    pub send_mss: u16,
    /// Octets that wait to be sent or acknowledged.
    pub send_queue: u32,
    /// Octets sent, without those sent again.
    pub sent: u64,

    /// RCV.NXT: the next octet expected.
    pub receive_next: u32,
    /// Octets received again.
    pub received_again: u64,
    /// This side's window, octets.
    pub receive_window: u32,
    /// The longest segment asked for, octets.
    pub receive_mss: u16,
    /// Octets to be read.
    pub receive_queue: u32,
    /// Octets received in order.
    pub received: u64,

    /// How long it has been there.
    pub age: Duration,
    /// Acknowledgements that brought nothing new.
    pub dup_acks: u32,
    /// How often the timeout was doubled.
    pub backoff: u8,
    /// Retransmission timeouts.
    pub timeouts: u32,
    /// ICMP source quenches.
    pub source_quenches: u32,
    /// ICMP unreachables.
    pub unreachables: u32,
    /// Something is being sent again.
    pub retrying: bool,

    /// The retransmission timer.
    pub timer: Timer,
    /// The timeout, backed off.
    pub timeout: Duration,
    /// The last round trip time measured.
    pub last_rtt: Duration,
    /// The smoothed round trip time.
    pub smoothed_rtt: Duration,
    /// Its mean deviation.
    pub rtt_deviation: Duration,
    /// Round trips are measured by timestamps.
    pub timestamps: bool,
    /// Selective acknowledgements are in use.
    pub sack: bool,
    /// The shifts of both windows, where scaling is in use: the other side's, this side's.
    pub window_scale: Option<(u8, u8)>,
    /// ECN is in use.
    pub ecn: bool,
}

impl View {
    /// Octets a second over the whole time, sent and received.
    pub fn throughput(&self) -> (u64, u64) {
        let rate = |octets: u64| {
            let nanos = self.age.as_nanos().max(1);
            u64::try_from(u128::from(octets) * 1_000_000_000 / nanos).unwrap_or(u64::MAX)
        };
        (rate(self.sent), rate(self.received))
    }
}

impl Connection {
    pub fn view(&self, now: Micros, parameters: &Parameters) -> View {
        let micros = |micros: u32| Duration::from_micros(micros.into());
        View {
            id: self.id,
            flow: self.flow,
            state: self.state,
            reason: self.reason,
            passive: self.passive,
            send_unacknowledged: self.una.0,
            send_next: self.max.0,
            resent: self.totals.resent,
            congestion_window: self.congestion.size,
            threshold: self.congestion.threshold,
            send_window: self.wnd,
            send_mss: self.mss,
            send_queue: self.send.len(),
            sent: self.totals.sent,
            receive_next: self.rcv_nxt.0,
            received_again: self.totals.received_again,
            receive_window: self.right_edge().since(self.rcv_nxt),
            receive_mss: self.own_mss,
            receive_queue: self.receive.len(),
            received: self.totals.received,
            age: Duration::from_micros(now.saturating_sub(self.totals.since)),
            dup_acks: self.totals.dup_acks,
            backoff: self.rtt.backoff,
            timeouts: self.totals.timeouts,
            source_quenches: self.totals.source_quenches,
            unreachables: self.totals.unreachables,
            retrying: self.retries > 0,
            timer: match self.rto_at {
                NEVER => Timer::Stopped,
                at if at <= now => Timer::Expired,
                at => Timer::Running(Duration::from_micros(at - now)),
            },
            timeout: Duration::from_micros(self.timeout(parameters)),
            last_rtt: micros(self.rtt.last),
            smoothed_rtt: micros(self.rtt.smoothed),
            rtt_deviation: micros(self.rtt.deviation),
            timestamps: self.timestamps,
            sack: self.sack,
            window_scale: self.scaled.then_some((self.send_shift, self.rcv_shift)),
            ecn: self.ecn.on,
        }
    }

    /// The parts of the receive buffer behind a hole: the first octet, and how many.
    pub fn holes(&self) -> Vec<(u32, u32)> {
        self.reassembly
            .iter()
            .flat_map(|runs| runs.runs())
            .map(|(seq, octets)| (seq.0, octets))
            .collect()
    }
}
