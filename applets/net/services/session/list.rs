//! `session` without arguments.

use std::time::Instant;

use wanbox_net_engine::Station;
use wanbox_net_engine::udp::TCP_PORTS;

use crate::log::socket;
use crate::stream::Phase;
use crate::{Services, SessionId};

/// A session as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionView {
    /// The session.
    pub id: SessionId,
    /// What is spoken: `Telnet`, `Finger`.
    pub kind: &'static str,
    /// The number of its control block.
    pub control_block: u32,
    /// Octets that wait to be shown.
    pub waiting: u32,
    /// The state of its connection.
    pub state: &'static str,
    /// The other end, with names.
    pub remote: String,
    /// The file that is recorded into.
    pub record: Option<String>,
    /// The file that is uploaded.
    pub upload: Option<String>,
}

const HEADING: &str = " #       &CB Type   Rcv-Q  State        Remote socket\n";

impl Services {
    /// All sessions.
    #[must_use]
    pub fn sessions(&self, now: Instant, station: &Station) -> Vec<SessionView> {
        let view = |(id, session): (SessionId, &super::Session)| {
            let status = session.connection.status(now, station);
            let is_over = status.phase == Phase::Over;
            SessionView {
                id,
                kind: session.kind.name(),
                control_block: session.connection.number(),
                waiting: status.unread as u32,
                state: if is_over { session.state } else { status.name },
                remote: match session.station.as_str() {
                    "" => socket(station, now, &TCP_PORTS, session.remote),
                    station => station.to_owned(),
                },
                record: session.record.as_ref().map(|record| record.name.clone()),
                upload: session.upload.as_ref().map(|upload| upload.name.clone()),
            }
        };
        self.sessions.listed().map(view).collect()
    }

    /// The list of sessions as people see it; a star is at the current one.
    #[must_use]
    pub fn session_list(
        &self,
        now: Instant,
        station: &Station,
        current: Option<SessionId>,
    ) -> String {
        let mut text = HEADING.to_owned();
        for view in self.sessions(now, station) {
            let star = if current == Some(view.id) { '*' } else { ' ' };
            text += &format!(
                "{star}{:<3}{:8x} {:<8}{:4}  {:<13}{}",
                view.id.number(),
                view.control_block,
                view.kind,
                view.waiting,
                view.state,
                view.remote
            );
            if let Some(name) = view.record {
                text += &format!("    Record: {name} ");
            }
            if let Some(name) = view.upload {
                text += &format!("    Upload: {name}");
            }
            text.push('\n');
        }
        text
    }
}
