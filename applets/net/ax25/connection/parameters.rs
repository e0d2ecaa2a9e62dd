//! What connections work with: the values of the `ax25` commands.

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

/// The parameters of a connection. Times are in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// T1 before a round trip was measured: how long an answer may take; 1 to 2^31-1.
    pub t1: u32,
    /// T2: how long after an I frame the acknowledgement waits for more of them; 1 to 2^31-1.
    pub t2: u32,
    /// T3: after how long a silence the peer is polled; 0: never.
    pub t3: u32,
    /// T4: after how long a busy peer is polled; 1 to 2^31-1.
    pub t4: u32,
    /// T5: after how long without I frames the connection is closed; 0: never.
    pub t5: u32,
    /// N2: how often a frame is repeated before the peer counts as gone; 0: for ever.
    pub retry: u16,
    /// From this many repetitions on T1 grows no more. May change while a connection lives.
    pub blimit: u32,
    /// The most I frames that wait for acknowledgement modulo 8; 1 to 7. May change while a
    /// connection lives.
    pub maxframe: u8,
    /// The same modulo 128; 1 to 127.
    pub maxframe_extended: u8,
    /// Octets of information in an I frame, 1 to 65535.
    pub paclen: u16,
    /// An I frame of fewer octets, PID and information, is repeated with P instead of a poll.
    pub pthresh: u16,
    /// Octets that may wait to be read before the peer is told to wait (RNR); 1 to 65535.
    pub window: u16,
    /// 1 or 2: version 1 does without P and F.
    pub version: u8,
    /// What is done about version 2.2.
    pub extended: Extended,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            t1: 5000,
            t2: 300,
            t3: 900_000,
            t4: 60_000,
            t5: 3_600_000,
            retry: 10,
            blimit: 16,
            maxframe: 7,
            maxframe_extended: 32,
            paclen: 256,
            pthresh: 64,
            window: 2048,
            version: 2,
            extended: Extended::Accepted,
        }
    }
}
