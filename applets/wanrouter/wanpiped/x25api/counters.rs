//! What is counted at the socket.

/// What is counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    /// X25Api that connected.
    pub applications: u64,
    /// X25Api turned away because there were too many.
    pub turned_away: u64,
    /// Calls of applications.
    pub calls_out: u64,
    /// Incoming calls told to a listener.
    pub calls_in: u64,
    /// Incoming calls that were accepted.
    pub accepted: u64,
    /// Incoming calls that nobody took.
    pub not_taken: u64,
    /// Circuits cleared because their application was gone.
    pub abandoned: u64,
    /// Messages of applications that were refused.
    pub refused: u64,
    /// Calls passed on to other devices.
    pub switched: u64,
    /// Calls that could not be passed on.
    pub not_switched: u64,
}

impl Counters {
    /// What is counted, by name.
    pub fn by_name(&self) -> [(&'static str, u64); 10] {
        let c = self;
        [
            ("applications", c.applications),
            ("turned_away", c.turned_away),
            ("calls_out", c.calls_out),
            ("calls_in", c.calls_in),
            ("accepted", c.accepted),
            ("not_taken", c.not_taken),
            ("abandoned", c.abandoned),
            ("refused", c.refused),
            ("switched", c.switched),
            ("not_switched", c.not_switched),
        ]
    }
}
