//! What AX.25 (version 2.2) does otherwise than X.25: round trips are measured and the window grows
//! and shrinks with them, I frames behind a gap are kept, stations of version 1 are without P and F,
//! and numbering is agreed on when the link is set up.

mod gaps;
mod setup;

use std::time::{Duration, Instant};

use wanbox_wire::lapb::{Control, ControlField, Direction, Modulo};

use gaps::Gaps;

use super::{Cause, Engine, Parameters, Phase};

/// The longest T1 of a link that backs off, milliseconds: half an hour.
const LONGEST_T1: u32 = 1_800_000;
/// The shortest T1 that is computed, milliseconds.
const SHORTEST_T1: u32 = 500;
/// How often T1 may run out while the line has not taken the frame that it is for.
const LATE: u8 = 30;

/// What is done about modulo 128 and SREJ, which AX.25 has since version 2.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extended {
    /// Peers that want it get DM, and take modulo 8.
    Refused,
    /// Peers that want it get it.
    #[default]
    Accepted,
    /// It is asked for first (SABME); peers that do not know it are set up as before.
    Offered,
}

/// What a link of AX.25 works with besides [`Parameters`]. There T1 is that of the first frames, T4
/// is what AX.25 calls T3, N2 of 0 is for ever, and k is that of modulo 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ax25 {
    /// How long a peer is busy before it is asked whether it still is: AX.25's T4.
    pub busy: Duration,
    /// From this many repetitions on T1 grows no more.
    pub back_off_limit: u32,
    /// Packets shorter than this are repeated with P, instead of a poll.
    pub poll_threshold: usize,
    /// Whether the link has version 1 from the beginning.
    pub plain: bool,
    /// What is done about version 2.2.
    pub extended: Extended,
    /// k modulo 128.
    pub k_extended: u8,
}

/// What an engine of AX.25 has besides.
#[derive(Debug)]
pub(super) struct State {
    pub(super) rules: Ax25,
    /// Version 1: the peer's frames do not say whether they ask or answer.
    pub(super) plain: bool,
    /// Whether both ends know SREJ.
    pub(super) selective: bool,
    /// The greatest k that the peer wants.
    peer_k: u8,
    /// Whether what comes is dropped, the owner being busy.
    pub(super) full: bool,
    /// Whether RNR was the last that the peer heard of this.
    pub(super) rnr_sent: bool,
    /// Smoothed round-trip time, its mean deviation and T1, milliseconds.
    pub(super) srt: u32,
    pub(super) mdev: u32,
    pub(super) t1: u32,
    /// The dynamic window.
    pub(super) window: u8,
    /// N(S) of the frame that is timed, and when it was sent.
    timed: Option<(u8, Instant)>,
    /// Whether something was repeated since, or T1 ran out.
    repeated: bool,
    /// What came before those in front of it.
    gaps: Gaps,
    /// Answers to SABME that are not those to SABM.
    late_refusals: u32,
    /// How often T1 ran out for a frame that still waits for the line.
    late: u8,
    /// Set-ups of ours that the peer may still answer: with each it begins at 0 again, and forgets
    /// what we had of it.
    unsettled: u32,
}

/// What is shown of a link of AX.25.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ax25View {
    /// Whether it has version 1.
    pub plain: bool,
    /// Whether SREJ is used.
    pub selective: bool,
    /// Whether RNR was sent, and RR was not since.
    pub rnr_sent: bool,
    /// Whether REJ or SREJ was sent, and the gap is still there.
    pub gap: bool,
    /// Smoothed round-trip time.
    pub srt: Duration,
    /// Its mean deviation.
    pub mdev: Duration,
    /// The dynamic window.
    pub window: usize,
    /// I frames that were sent and are not acknowledged.
    pub unacknowledged: usize,
    /// V(S).
    pub vs: u8,
    /// V(R).
    pub vr: u8,
    /// Repetitions without progress.
    pub retries: u32,
    /// When T1, T3 and T4 run out.
    pub deadlines: [Option<Instant>; 3],
    /// T1.
    pub t1: Duration,
}

impl State {
    pub(super) fn new(rules: Ax25, t1: Duration) -> Self {
        let t1 = u32::try_from(t1.as_millis()).unwrap_or(u32::MAX);
        let mdev = (t1 / 4).saturating_add(u32::from(t1 % 4 > 1));
        Self {
            plain: rules.plain,
            rules,
            selective: false,
            peer_k: u8::MAX,
            full: false,
            rnr_sent: false,
            srt: 0,
            mdev,
            t1: mdev.saturating_mul(4),
            window: 1,
            timed: None,
            repeated: false,
            gaps: Gaps::default(),
            late_refusals: 0,
            late: 0,
            unsettled: 0,
        }
    }

    /// A frame was sent for the first time.
    pub(super) fn sent_new(&mut self, now: Instant, ns: u8) {
        if self.timed.is_none() {
            self.timed = Some((ns, now));
            self.repeated = false;
        }
    }

    /// Frames were sent again, or will be: what is timed tells nothing.
    pub(super) fn repeats(&mut self) {
        self.repeated = true;
    }

    /// The peer is busy: what it acknowledges when it is not any more tells nothing.
    pub(super) fn stop_timing(&mut self) {
        self.timed = None;
    }

    /// `acknowledged` frames from `first` on were acknowledged.
    fn acknowledged(
        &mut self,
        now: Instant,
        modulo: Modulo,
        first: u8,
        acknowledged: usize,
        k: u8,
    ) {
        let done =
            |(ns, _): &mut (u8, Instant)| usize::from(modulo.steps(first, *ns)) < acknowledged;
        let Some((_, at)) = self.timed.take_if(done) else {
            return;
        };
        if self.repeated {
            return;
        }
        let took = now.saturating_duration_since(at).as_millis();
        let took = u32::try_from(took).unwrap_or(LONGEST_T1).min(LONGEST_T1);
        let error = took.abs_diff(self.srt);
        self.srt = (7 * self.srt + took + 4) / 8;
        self.mdev = (3 * self.mdev.min(LONGEST_T1) + error + 2) / 4;
        self.t1 = self.srt.saturating_add(4 * self.mdev).max(SHORTEST_T1);
        self.window = (self.window + 1).min(k);
    }

    fn back_off(&mut self, retries: u32) {
        // What is acknowledged after a poll was late for another reason than a long way: taken for a round trip
        // it would make T1 longer, and the next one later.
        self.timed = None;
        self.window = self.window.saturating_sub(1).max(1);
        if retries < self.rules.back_off_limit && self.t1 < LONGEST_T1 {
            self.t1 = (5 * self.t1 + 2) / 4;
        }
    }

    /// Numbers begin at 0 again.
    pub(super) fn restart(&mut self, modulo: Modulo) {
        self.timed = None;
        self.gaps.restart(modulo);
        self.rnr_sent = false;
        self.late = 0;
        self.unsettled = 0;
    }
}

impl Engine {
    /// A disconnected link of AX.25. Its owner answers for the ranges: k is 1 to 7, or 127.
    #[must_use]
    pub fn for_ax25(parameters: Parameters, rules: Ax25) -> Self {
        let mut engine = Self::with(parameters);
        engine.ax25 = Some(Box::new(State::new(rules, parameters.t1)));
        engine.set_modulo(Modulo::Eight);
        engine
    }

    /// Whether the rules are those of AX.25.
    pub(super) fn is_ax25(&self) -> bool {
        self.ax25.is_some()
    }

    /// A frame of a station of version 1, whose addresses do not say whether it asks or answers. The
    /// link has version 1 from now on.
    pub fn receive_unclassed<'f>(&mut self, now: Instant, unit: &'f [u8]) -> Option<&'f [u8]> {
        if let Some(ax25) = &mut self.ax25 {
            ax25.plain = true;
        }
        let modulo = self.parameters.modulo;
        let control = ControlField::parse(modulo, unit).ok();
        let control = control.and_then(|(field, _)| Control::parse(field).ok());
        let direction = match control {
            Some(Control::Supervisory { .. }) => Direction::Response,
            Some(control) if control.may_be(Direction::Response) => Direction::Response,
            _ => Direction::Command,
        };
        self.hear(now, direction, false, unit)
    }

    /// An owner that is busy takes what comes until this is set.
    pub fn set_full(&mut self, full: bool) {
        if let Some(ax25) = &mut self.ax25 {
            ax25.full = full;
        }
    }

    /// What was agreed on (XID): SREJ, and the most frames that the peer wants before it has
    /// acknowledged them.
    pub fn agree(&mut self, selective: bool, k: u8) {
        let (own, modulo) = (self.own_k(), self.parameters.modulo);
        if let Some(ax25) = &mut self.ax25 {
            ax25.selective = selective;
            ax25.peer_k = k.max(1);
            ax25.gaps.distinct = own <= modulo.highest().div_ceil(2);
        }
        self.fit_window();
    }

    /// Other values from now on: k modulo 8 and modulo 128, and [`Ax25::back_off_limit`].
    pub fn set_live(&mut self, k: u8, k_extended: u8, back_off_limit: u32) {
        self.k_basic = k;
        if let Some(ax25) = &mut self.ax25 {
            ax25.rules.back_off_limit = back_off_limit;
            ax25.rules.k_extended = k_extended;
        }
        self.fit_window();
    }

    /// The most frames that wait for acknowledgement, as this end is set.
    #[must_use]
    pub fn own_k(&self) -> u8 {
        match (&self.ax25, self.parameters.modulo) {
            (Some(ax25), Modulo::OneTwentyEight) => ax25.rules.k_extended,
            _ => self.k_basic,
        }
    }

    /// As if T1 had run out.
    pub fn kick(&mut self, now: Instant) {
        if self.phase == Phase::Information && self.window.outstanding() == 0 && !self.recovering {
            self.enquire(now);
        } else if self.phase != Phase::Disconnected {
            self.timers.t1 = Some(now);
            self.handle_timeout(now);
        }
    }

    /// The link is down at once and the peer is not told.
    pub fn abandon(&mut self) {
        self.drop_line(Cause::Local);
    }

    /// What is shown.
    #[must_use]
    pub fn ax25_view(&self) -> Option<Ax25View> {
        let ax25 = self.ax25.as_ref()?;
        let millis = |time: u32| Duration::from_millis(time.into());
        let set_up = matches!(self.phase, Phase::Setup | Phase::Disconnecting);
        Some(Ax25View {
            plain: ax25.plain,
            selective: ax25.selective,
            rnr_sent: ax25.rnr_sent,
            gap: self.gap,
            srt: millis(ax25.srt),
            mdev: millis(ax25.mdev),
            window: ax25.window.into(),
            unacknowledged: self.window.unacknowledged(),
            vs: self.window.vs(),
            vr: self.vr,
            retries: self.attempts - u32::from(set_up && self.attempts > 0),
            deadlines: [self.timers.t1, self.timers.t4, self.timers.busy],
            t1: self.t1(),
        })
    }

    /// Whether a poll waits for its answer.
    #[must_use]
    pub fn is_recovering(&self) -> bool {
        self.recovering
    }

    pub(super) fn is_plain(&self) -> bool {
        self.ax25.as_ref().is_some_and(|ax25| ax25.plain)
    }

    /// T1 as it is now.
    pub(super) fn t1(&self) -> Duration {
        match &self.ax25 {
            Some(ax25) => Duration::from_millis(ax25.t1.into()),
            None => self.parameters.t1,
        }
    }

    pub(super) fn set_modulo(&mut self, modulo: Modulo) {
        self.parameters.modulo = modulo;
        if let Some(ax25) = &mut self.ax25 {
            ax25.selective = false;
            ax25.peer_k = u8::MAX;
            ax25.gaps.distinct = false;
            ax25.restart(modulo);
        }
        self.fit_window();
    }

    /// The window is the dynamic one.
    fn fit_window(&mut self) {
        let own = self.own_k();
        if let Some(ax25) = &mut self.ax25 {
            self.parameters.k = own.min(ax25.peer_k);
            ax25.window = ax25.window.min(self.parameters.k);
            self.window.fit(self.parameters.modulo, ax25.window);
        }
    }

    /// Frames were acknowledged: a round trip may have been measured.
    pub(super) fn measure(&mut self, now: Instant, first: u8, acknowledged: usize) {
        if let Some(ax25) = &mut self.ax25 {
            let Parameters { modulo, k, .. } = self.parameters;
            ax25.acknowledged(now, modulo, first, acknowledged, k);
            self.fit_window();
        }
    }

    /// What was sent will be sent again.
    pub(super) fn mark_repeated(&mut self) {
        if let Some(ax25) = &mut self.ax25 {
            ax25.repeats();
        }
    }

    /// T1 ran out: `false` when the line has not even taken the frame that it is for.
    pub(super) fn back_off(&mut self, now: Instant) -> bool {
        let Some(ax25) = &mut self.ax25 else {
            return true;
        };
        if (self.due.command || self.due.enquiry) && ax25.late < LATE {
            ax25.late += 1;
            self.start_t1(now);
            return false;
        }
        ax25.late = 0;
        let set_up = self.phase != Phase::Information;
        ax25.back_off(self.attempts + u32::from(!set_up));
        self.fit_window();
        true
    }

    /// The line has taken a command or a poll: its time begins now.
    pub(super) fn line_took(&mut self, now: Instant) {
        if let Some(ax25) = &mut self.ax25 {
            ax25.late = 0;
            self.start_t1(now);
        }
    }
}
