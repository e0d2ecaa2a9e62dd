//! What uses the station's TCP and UDP: sessions that people open, and servers. No descriptor, no clock.

/// The sessions and servers of a station.
#[derive(Debug, Default)]
pub struct Services {}
