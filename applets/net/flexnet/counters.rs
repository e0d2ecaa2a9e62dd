//! What happened to packets.

/// Packets and records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets received.
    pub received: u64,
    /// Packets sent.
    pub sent: u64,
    /// Packets that are none.
    pub malformed: u64,
    /// Packets of types that are not acted on (4 and 5).
    pub ignored: u64,
    /// Packets of stations that were not taken as neighbours, because there are too many.
    pub too_many_peers: u64,
    /// Records received.
    pub records: u64,
    /// Records of call signs that are ours, everybody's, or none.
    pub records_refused: u64,
    /// Records for which the table has no room.
    pub table_full: u64,
    /// Neighbours that were given up because polls were not answered.
    pub silent: u64,
    /// Queries that went too far, or whose way became too long.
    pub queries_dropped: u64,
    /// Packets for a neighbour that does not take them away.
    pub queue_full: u64,
}

impl Counters {
    /// All of them by name.
    #[must_use]
    pub const fn named(&self) -> [(&'static str, u64); 11] {
        [
            ("received", self.received),
            ("sent", self.sent),
            ("malformed", self.malformed),
            ("ignored", self.ignored),
            ("too_many_peers", self.too_many_peers),
            ("records", self.records),
            ("records_refused", self.records_refused),
            ("table_full", self.table_full),
            ("silent", self.silent),
            ("queries_dropped", self.queries_dropped),
            ("queue_full", self.queue_full),
        ]
    }
}
