//! A daemon that only the command line sees.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::json;
use wanbox_l2tpns_engine::concentrator::Level;
use wanbox_l2tpns_engine::config::{Config, Mode, Refusal, Reply};
use wanbox_l2tpns_engine::{SessionId, TunnelId, show};

use crate::cli::{BgpChange, Features, Form, Host, Page, Show, VERSION};

#[derive(Default)]
pub(super) struct Fake {
    pub config: Config,
    pub sessions: BTreeMap<u32, (String, Features)>,
    pub tunnels: BTreeMap<u16, &'static str>,
    pub log: Vec<(Level, String)>,
    /// What was done, in words.
    pub did: Vec<String>,
    pub unwritable: bool,
    /// Rows of `show ipcache`.
    pub rows: u64,
}

/// How many rows a part has.
const PART: u64 = 100;

impl Fake {
    pub(super) fn new() -> Self {
        let mut fake = Self::default();
        fake.sessions.insert(3, ("joe".into(), Features::default()));
        fake.sessions
            .insert(7, ("ann two".into(), Features::default()));
        fake.tunnels.insert(2, "lac1");
        fake.config.l2tp_secret = "hush".into();
        fake
    }

    fn features_of(&mut self, session: SessionId) -> &mut Features {
        &mut self.sessions.get_mut(&session.0).unwrap().1
    }
}

impl Host for Fake {
    fn name(&self) -> String {
        "lns".into()
    }

    fn show(&mut self, what: &Show, form: Form, from: u64) -> Result<(Page, Option<u64>), String> {
        let names = || self.sessions.values().map(|(name, _)| name.clone());
        let (text, value, next) = match what {
            Show::Version => (show::version(VERSION), json!({ "version": VERSION }), None),
            Show::Users => {
                let names: Vec<String> = names().collect();
                let text = names.iter().map(|name| format!("{name}\n")).collect();
                (text, json!(names), None)
            }
            Show::User(name) => {
                let there = names().any(|known| known == *name);
                let text = if there {
                    format!("User {name}\n")
                } else {
                    String::new()
                };
                (text, json!(there.then_some(name)), None)
            }
            Show::Session(id) => match self.sessions.get(&id.0) {
                Some((name, _)) => (
                    format!("\nSession {id}:\n\tUser:\t\t{name}\n"),
                    json!({ "id": id.0, "user": name }),
                    None,
                ),
                None => return Err(format!("Session {id} is not active.")),
            },
            Show::IpCache => {
                let end = (from + PART).min(self.rows);
                let rows: Vec<u64> = (from..end).collect();
                let text = rows.iter().map(|row| format!("row {row}\n")).collect();
                (text, json!(rows), (end < self.rows).then_some(end))
            }
            Show::RunningConfig => (self.config.running(), json!({}), None),
            Show::AccessList(name) => (format!("list {name}\n"), json!(name), None),
            other => (format!("{other:?}\n"), json!(format!("{other:?}")), None),
        };
        let page = match form {
            Form::Text => Page::Text(text),
            Form::Json => Page::Json(value),
        };
        Ok((page, next))
    }

    fn session_of(&self, user: &str) -> Option<SessionId> {
        let mut sessions = self.sessions.iter();
        sessions
            .find(|(_, (name, _))| name == user)
            .map(|(id, _)| SessionId(*id))
    }

    fn features(&self, session: SessionId) -> Option<Features> {
        self.sessions
            .get(&session.0)
            .map(|(_, features)| features.clone())
    }

    fn users(&self, begin: &str, most: usize) -> Vec<String> {
        let names = self.sessions.values().map(|(name, _)| name);
        names
            .filter(|name| name.starts_with(begin))
            .take(most)
            .cloned()
            .collect()
    }

    fn access_lists(&self) -> Vec<String> {
        self.config
            .access_lists
            .0
            .iter()
            .map(|list| list.name.clone())
            .collect()
    }

    fn snoop(&mut self, session: SessionId, to: Option<SocketAddr>) {
        self.features_of(session).snoop = to;
    }

    fn throttle(&mut self, session: SessionId, rates: (u32, u32)) {
        self.features_of(session).throttle = rates;
    }

    fn throttle_speed(&self) -> u32 {
        self.config.throttle_speed
    }

    fn filter(&mut self, session: SessionId, lists: (Option<String>, Option<String>)) {
        self.features_of(session).filter = lists;
    }

    fn drop_session(&mut self, session: SessionId) {
        self.sessions.remove(&session.0);
    }

    fn drop_user(&mut self, session: SessionId) {
        self.drop_session(session);
    }

    fn drop_tunnel(&mut self, tunnel: TunnelId) -> Result<String, String> {
        match self.tunnels.remove(&tunnel.0) {
            Some(name) => Ok(name.to_owned()),
            None => Err(format!("Tunnel {tunnel} is not connected")),
        }
    }

    fn clear_counters(&mut self) {
        self.did.push("counters".into());
    }

    fn configure(&mut self, mode: &mut Mode, words: &[&str]) -> Result<Reply, Refusal> {
        self.did.push(words.join(" "));
        self.config.execute(mode, words, &|_| false)
    }

    fn write_memory(&mut self) -> Result<(), String> {
        if self.unwritable {
            return Err("No space left on device".into());
        }
        self.did.push("written".into());
        Ok(())
    }

    fn shutdown(&mut self) {
        self.did.push("shutdown".into());
    }

    fn reload(&mut self) {
        self.did.push("reload".into());
    }

    fn bgp(&mut self, change: BgpChange, peer: Option<&str>) -> Vec<String> {
        vec![format!("{change:?} {}", peer.unwrap_or("all"))]
    }

    fn log_since(&self, written: u64) -> (Vec<(Level, String)>, u64) {
        let skip = usize::try_from(written).unwrap_or(usize::MAX);
        let entries = self.log.iter().skip(skip).cloned().collect();
        (entries, self.log.len() as u64)
    }
}
