//! The files of `accounting_dir`: who moved how many octets since the file before.
//!
//! ```text
//! # dslwatch.pl dump file V1.01
//! # host: lns
//! # endpoint: 10.9.0.1
//! # time: 1795229625
//! # uptime: 63
//! # format: username ip qos uptxoctets downrxoctets
//! joe.user 10.10.10.1 1 32 0
//! ```

use std::fmt::Write;
use std::net::Ipv4Addr;
use std::time::Duration;

/// The time between two files with all sessions.
pub const ALL_SESSIONS: Duration = Duration::from_secs(300);
/// The time between two files with the sessions that ended meanwhile.
pub const ENDED_SESSIONS: Duration = Duration::from_secs(60);
/// How many ended sessions wait for their file at most.
pub const MAX_ENDED: usize = 8192;

/// Where a session comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// From a LAC, by L2TP.
    Lac,
    /// It is forwarded to a remote LNS.
    RemoteLns,
    /// By PPPoE.
    Pppoe,
}

impl Origin {
    const fn letter(self) -> char {
        match self {
            Self::Lac => 'L',
            Self::RemoteLns => 'R',
            Self::Pppoe => 'P',
        }
    }
}

/// What a session used since the file before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage<'u> {
    /// The name of the user.
    pub user: &'u str,
    /// Its address.
    pub address: Option<Ipv4Addr>,
    /// Where it comes from.
    pub origin: Origin,
    /// Whether it is limited in either direction.
    pub throttled: bool,
    /// Whether it is in the walled garden.
    pub garden: bool,
    /// From the user, octets.
    pub uploaded: u64,
    /// To the user, octets.
    pub downloaded: u64,
}

/// What a file begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'h> {
    /// Our name.
    pub host: &'h str,
    /// The address at which tunnels end here.
    pub endpoint: Ipv4Addr,
    /// Seconds since 1970.
    pub time: u64,
    /// How long we have been running.
    pub uptime: Duration,
    /// `account_all_origin`: sessions of every origin, and a column that tells it.
    pub all_origins: bool,
}

/// A file's text; `None` when no session belongs into it.
///
/// Sessions without traffic, without a name or an address, and those in the walled garden are left
/// out. Sessions forwarded to a remote LNS have no address of ours.
pub fn file<'u>(
    header: &Header<'_>,
    sessions: impl IntoIterator<Item = Usage<'u>>,
) -> Option<String> {
    let mut text = String::new();
    for session in sessions {
        if !belongs(&session, header.all_origins) {
            continue;
        }
        if text.is_empty() {
            head(header, &mut text);
        }
        row(&session, header.all_origins, &mut text);
    }
    (!text.is_empty()).then_some(text)
}

fn belongs(session: &Usage<'_>, all_origins: bool) -> bool {
    let known = session.address.is_some() || session.origin == Origin::RemoteLns;
    known
        && !session.user.is_empty()
        && !session.garden
        && (session.uploaded != 0 || session.downloaded != 0)
        && (all_origins || session.origin == Origin::Lac)
}

fn head(header: &Header<'_>, text: &mut String) {
    let origin = if header.all_origins {
        " origin(L=LAC, R=Remote LNS, P=PPPOE)"
    } else {
        ""
    };
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "# dslwatch.pl dump file V1.01\n# host: {}\n# endpoint: {}\n# time: {}\n# uptime: {}\n\
         # format: username ip qos uptxoctets downrxoctets{origin}\n",
        header.host,
        header.endpoint,
        header.time,
        header.uptime.as_secs(),
    );
}

fn row(session: &Usage<'_>, all_origins: bool, text: &mut String) {
    // A blank in a name would be one more field, a newline one more row.
    let harmful = |c: char| c.is_whitespace() || c.is_control();
    text.extend(
        session
            .user
            .chars()
            .map(|c| if harmful(c) { '_' } else { c }),
    );
    let address = session.address.unwrap_or(Ipv4Addr::UNSPECIFIED);
    let qos = 1 + u8::from(session.throttled);
    let _ = write!(
        text,
        " {address} {qos} {} {}",
        session.uploaded, session.downloaded
    );
    if all_origins {
        text.push(' ');
        text.push(session.origin.letter());
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: Header<'_> = Header {
        host: "lnshost",
        endpoint: Ipv4Addr::new(10, 9, 0, 1),
        time: 1_795_229_625,
        uptime: Duration::from_secs(63),
        all_origins: false,
    };

    const JOE: Usage<'_> = Usage {
        user: "joe.user",
        address: Some(Ipv4Addr::new(10, 10, 10, 1)),
        origin: Origin::Lac,
        throttled: false,
        garden: false,
        uploaded: 32,
        downloaded: 0,
    };

    #[test]
    fn as_2_4_1_writes_it() {
        let throttled = Usage {
            throttled: true,
            downloaded: u64::MAX,
            ..JOE
        };
        assert_eq!(
            file(&HEADER, [JOE, throttled]).unwrap(),
            "# dslwatch.pl dump file V1.01\n\
             # host: lnshost\n\
             # endpoint: 10.9.0.1\n\
             # time: 1795229625\n\
             # uptime: 63\n\
             # format: username ip qos uptxoctets downrxoctets\n\
             joe.user 10.10.10.1 1 32 0\n\
             joe.user 10.10.10.1 2 32 18446744073709551615\n"
        );
    }

    #[test]
    fn origins_have_a_column() {
        let header = Header {
            all_origins: true,
            ..HEADER
        };
        let forwarded = Usage {
            origin: Origin::RemoteLns,
            address: None,
            ..JOE
        };
        let pppoe = Usage {
            origin: Origin::Pppoe,
            ..JOE
        };
        let text = file(&header, [forwarded, pppoe, JOE]).unwrap();
        let rows: Vec<&str> = text.lines().skip(5).collect();
        assert_eq!(
            rows,
            [
                "# format: username ip qos uptxoctets downrxoctets origin(L=LAC, R=Remote LNS, P=PPPOE)",
                "joe.user 0.0.0.0 1 32 0 R",
                "joe.user 10.10.10.1 1 32 0 P",
                "joe.user 10.10.10.1 1 32 0 L",
            ]
        );
        assert_eq!(file(&HEADER, [forwarded, pppoe]), None);
    }

    #[test]
    fn what_does_not_belong_makes_no_file() {
        let nothing = [
            Usage { user: "", ..JOE },
            Usage {
                address: None,
                ..JOE
            },
            Usage {
                garden: true,
                ..JOE
            },
            Usage { uploaded: 0, ..JOE },
        ];
        assert_eq!(file(&HEADER, nothing), None);
        assert_eq!(file(&HEADER, []), None);
    }

    proptest! {
        #[test]
        fn a_row_has_five_fields(user in "\\PC{1,8}|[ \\n\\t\u{85}]{1,3}", uploaded in 1..u64::MAX) {
            let text = file(&HEADER, [Usage { user: &user, uploaded, ..JOE }]).unwrap();
            prop_assert_eq!(text.lines().count(), 7);
            let fields = text.lines().last().unwrap().split(' ').count();
            prop_assert_eq!(fields, 5);
        }
    }
}
