//! `show session`, `show users`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::Serialize;

use super::flag;
use super::throttle::{BUCKET_HEADING, Bucket};
use crate::{SessionId, TunnelId};

/// Where a session comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The access concentrator of this address.
    Lac(IpAddr),
    /// The network server that it goes on to.
    RemoteLns(IpAddr),
    /// The host of this Ethernet address.
    Pppoe([u8; 6]),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lac(address) => write!(f, "(L){:<20}", address.to_string()),
            Self::RemoteLns(address) => write!(f, "(R){:<20}", address.to_string()),
            Self::Pppoe([a, b, c, d, e, g]) => {
                let address = format!("{a:02X}:{b:02X}:{c:02X}:{d:02X}:{e:02X}:{g:02X}");
                write!(f, "(P){address:<20}")
            }
        }
    }
}

/// A session in the list of all.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SessionRow<'a> {
    /// Its number.
    pub session: SessionId,
    /// The session that it is forwarded to, or that is forwarded to it.
    pub linked: Option<SessionId>,
    /// Its tunnel.
    pub tunnel: TunnelId,
    /// The user; empty before it is known.
    pub user: &'a str,
    /// Its IPv4 address.
    pub address: Option<Ipv4Addr>,
    /// Its packets are copied to a collector.
    pub snooped: bool,
    /// It is throttled in some direction.
    pub throttled: bool,
    /// It is in the walled garden.
    pub garden: bool,
    /// IPV6CP is opened.
    pub ipv6: bool,
    /// Seconds since the call came in.
    pub opened: u64,
    /// Octets to the user.
    pub downloaded: u64,
    /// Octets from the user.
    pub uploaded: u64,
    /// Seconds since the last packet from the user.
    pub idle: u64,
    /// Seconds until the session times out.
    pub remaining: Option<u64>,
    /// Where it comes from.
    pub origin: Origin,
    /// The calling number; empty if it is not known.
    pub calling: &'a str,
}

impl SessionRow<'_> {
    /// The first line of the list.
    pub const HEADING: &'static str = "  SID LkToSID  TID Username                         IP              I T G 6     opened downloaded   uploaded idle   Rem.Time LAC(L)/RLNS(R)/PPPOE(P) CLI";
}

impl fmt::Display for SessionRow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:5} {:7} {:4} {:<32} {:<15} {} {} {} {} {:10} {:10} {:10} {:4} {:10} {} {}",
            self.session.0,
            self.linked.map_or(0, |linked| linked.0),
            self.tunnel.0,
            if self.user.is_empty() { "*" } else { self.user },
            self.address.unwrap_or(Ipv4Addr::UNSPECIFIED).to_string(),
            flag(self.snooped),
            flag(self.throttled),
            flag(self.garden),
            flag(self.ipv6),
            self.opened,
            self.downloaded,
            self.uploaded,
            self.idle,
            self.remaining.unwrap_or(0),
            self.origin,
            if self.calling.is_empty() {
                "*"
            } else {
                self.calling
            },
        )
    }
}

/// How far the PPP of a session is (RFC 1661, 3.2), with the states of its layers by their names
/// there (`Req-Sent` is `Request-Sent`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Phase {
    /// No link.
    Dead,
    /// LCP.
    Establish {
        /// The state of LCP.
        lcp: &'static str,
    },
    /// The client is being authenticated.
    Authenticate {
        /// The state of IPCP.
        ipcp: &'static str,
        /// The state of IPV6CP.
        ipv6cp: &'static str,
        /// The state of CCP.
        ccp: &'static str,
    },
    /// Packets.
    Network {
        /// The state of IPCP.
        ipcp: &'static str,
        /// The state of IPV6CP.
        ipv6cp: &'static str,
        /// The state of CCP.
        ccp: &'static str,
    },
    /// The link goes down.
    Terminate,
}

/// The links of a user (RFC 1990).
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Bundle<'a> {
    /// Its number.
    pub number: u32,
    /// The sessions that are its links, first the one whose address it has.
    pub links: &'a [SessionId],
    /// The longest packet that the client puts together, octets.
    pub mrru: u16,
    /// Fragments from the client that were lost.
    pub lost: u64,
}

impl fmt::Display for Bundle<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (links", self.number)?;
        for link in self.links {
            write!(f, " {link}")?;
        }
        write!(f, ", MRRU {}, {} fragments lost)", self.mrru, self.lost)
    }
}

/// Everything about a session.
#[derive(Clone, Debug, Serialize)]
pub struct Session<'a> {
    /// What the list of all has.
    #[serde(flatten)]
    pub row: SessionRow<'a>,
    /// The called number.
    pub called: &'a str,
    /// How far PPP is.
    pub phase: Phase,
    /// Acct-Session-Id as a number.
    pub unique: u64,
    /// Acct-Session-Id as RADIUS has it.
    pub accounting: &'a str,
    /// Session-Timeout: seconds that remain.
    pub session_timeout: Option<u64>,
    /// Idle-Timeout: seconds that remain.
    pub idle_timeout: Option<u64>,
    /// Packets to the user.
    pub packets_down: u64,
    /// Packets from the user.
    pub packets_up: u64,
    /// What the client receives at most, octets.
    pub mru: u16,
    /// The speed of the line from the user, bit/s as the peer tells.
    pub rx_speed: u64,
    /// The speed of the line to the user, bit/s as the peer tells.
    pub tx_speed: u64,
    /// The access list of packets from the user.
    pub filter_in: Option<&'a str>,
    /// The access list of packets to the user.
    pub filter_out: Option<&'a str>,
    /// Where its packets are copied to.
    pub snoop: Option<SocketAddr>,
    /// Rates from the user and to the user, kbit/s.
    pub throttle: (Option<u32>, Option<u32>),
    /// Token buckets from the user and to the user.
    pub buckets: (Option<Bucket>, Option<Bucket>),
    /// Routes to the user beside its address.
    pub routes: &'a [String],
    /// IPv6 prefixes of the user.
    pub prefixes: &'a [String],
    /// The link's multilink bundle.
    pub bundle: Option<&'a Bundle<'a>>,
    /// What was dropped or refused, by name, where it is not 0.
    pub dropped: &'a [(&'static str, u64)],
}

impl fmt::Display for Session<'_> {
    /// Lines, each with its newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = &self.row;
        let user = if row.user.is_empty() {
            "none"
        } else {
            row.user
        };
        writeln!(f, "\nSession {}:", row.session)?;
        writeln!(f, "\tUser:\t\t{user}")?;
        writeln!(f, "\tCalling Num:\t{}", row.calling)?;
        writeln!(f, "\tCalled Num:\t{}", self.called)?;
        writeln!(f, "\tTunnel ID:\t{}", row.tunnel)?;
        self.show_phase(f)?;
        let address = row.address.unwrap_or(Ipv4Addr::UNSPECIFIED);
        writeln!(f, "\tIP address:\t{address}")?;
        for route in self.routes {
            writeln!(f, "\tRoute:\t\t{route}")?;
        }
        for prefix in self.prefixes {
            writeln!(f, "\tIPv6 prefix:\t{prefix}")?;
        }
        writeln!(f, "\tUnique SID:\t{}", self.unique)?;
        if let Some(bundle) = self.bundle {
            writeln!(f, "\tBundle:\t\t{bundle}")?;
        }
        if let Some(linked) = row.linked {
            writeln!(f, "\tLinked to:\t{linked}")?;
        }
        writeln!(f, "\tOpened:\t\t{} seconds", row.opened)?;
        writeln!(f, "\tIdle time:\t{} seconds", row.idle)?;
        if let Some(left) = self.session_timeout {
            writeln!(f, "\tSess Timeout:\t{left} seconds")?;
        }
        if let Some(left) = self.idle_timeout {
            writeln!(f, "\tIdle Timeout:\t{left} seconds")?;
        }
        writeln!(f, "\tBytes In/Out:\t{}/{}", row.downloaded, row.uploaded)?;
        writeln!(
            f,
            "\tPkts In/Out:\t{}/{}",
            self.packets_down, self.packets_up
        )?;
        writeln!(f, "\tMRU:\t\t{}", self.mru)?;
        writeln!(f, "\tRx Speed:\t{}", self.rx_speed)?;
        writeln!(f, "\tTx Speed:\t{}", self.tx_speed)?;
        if let Some(name) = self.filter_in {
            writeln!(f, "\tFilter in:\t{name}")?;
        }
        if let Some(name) = self.filter_out {
            writeln!(f, "\tFilter out:\t{name}")?;
        }
        match self.snoop {
            Some(to) => writeln!(f, "\tIntercepted:\t{to}")?,
            None => writeln!(f, "\tIntercepted:\tno")?,
        }
        let garden = if row.garden { "YES" } else { "no" };
        writeln!(f, "\tWalled Garden:\t{garden}")?;
        self.show_throttle(f)?;
        for (name, count) in self.dropped {
            writeln!(f, "\tDropped:\t{count} {name}")?;
        }
        Ok(())
    }
}

impl Session<'_> {
    fn show_phase(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, layers) = match self.phase {
            Phase::Dead => ("Dead", None),
            Phase::Terminate => ("Terminate", None),
            Phase::Establish { lcp } => {
                writeln!(f, "\tPPP Phase:\tEstablish")?;
                return writeln!(f, "\t LCP state:\t{lcp}");
            }
            Phase::Authenticate { ipcp, ipv6cp, ccp } => {
                ("Authenticate", Some((ipcp, ipv6cp, ccp)))
            }
            Phase::Network { ipcp, ipv6cp, ccp } => ("Network", Some((ipcp, ipv6cp, ccp))),
        };
        writeln!(f, "\tPPP Phase:\t{name}")?;
        let Some((ipcp, ipv6cp, ccp)) = layers else {
            return Ok(());
        };
        writeln!(f, "\t IPCP state:\t{ipcp}")?;
        writeln!(f, "\t IPV6CP state:\t{ipv6cp}")?;
        writeln!(f, "\t CCP state:\t{ccp}")
    }

    fn show_throttle(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (up, down) = self.throttle;
        if up.is_none() && down.is_none() {
            return writeln!(f, "\tThrottled:\tno");
        }
        let rate = |rate: Option<u32>| rate.map_or("-".to_owned(), |rate| format!("{rate}kbps"));
        writeln!(f, "\tThrottled:\tYES ({}/{})", rate(up), rate(down))?;
        if self.buckets.0.is_some() || self.buckets.1.is_some() {
            // Behind the name of the bucket, what `show tbf` has behind the session.
            writeln!(f, "\t\t\t{}", BUCKET_HEADING.get(13..).unwrap_or_default())?;
        }
        for (name, bucket) in [("TBFI", &self.buckets.0), ("TBFO", &self.buckets.1)] {
            if let Some(bucket) = bucket {
                let label = format!("{name}#{}{}", bucket.bucket, bucket.mark());
                let tabs = if label.len() < 8 { "\t\t" } else { "\t" };
                writeln!(f, "\t{label}{tabs}{}", bucket.figures())?;
            }
        }
        Ok(())
    }
}
