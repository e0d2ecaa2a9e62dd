//! The daemon as the command line sees it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use wanbox_l2tpns_engine::concentrator::{Level, OperationError};
use wanbox_l2tpns_engine::config::{Mode, Refusal, Reply};
use wanbox_l2tpns_engine::{SessionId, TunnelId};
use wanbox_runtime::event_loop::Loop;
use wanbox_runtime::files;

use super::forward::Forward;
use super::pump::Node;
use crate::cli::{BgpChange, Cli, Features, Form, Host, Page, Show};

/// The node for the time of one command.
pub struct Asked<'n> {
    node: &'n mut Node,
    now: Instant,
    reload: bool,
    shutdown: bool,
}

impl<'n> Asked<'n> {
    /// The node at this time.
    pub fn new(node: &'n mut Node, forward: &Forward, now: Instant) -> Self {
        node.edges = forward.counters();
        Self {
            node,
            now,
            reload: false,
            shutdown: false,
        }
    }

    /// Does what a command wanted that is no matter of the engine alone.
    pub fn finish(self, lp: &mut Loop, cli: &mut Cli) {
        if self.reload {
            self.node.reload(lp, cli);
        }
        if self.shutdown {
            self.node.drain(lp);
        }
    }
}

impl Host for Asked<'_> {
    fn name(&self) -> String {
        self.node.config.host_name(&self.node.machine).to_owned()
    }

    fn show(&mut self, what: &Show, form: Form, from: u64) -> Result<(Page, Option<u64>), String> {
        self.node.show(self.now, what, form, from)
    }

    fn session_of(&self, user: &str) -> Option<SessionId> {
        self.node.engine.session_of(user)
    }

    fn features(&self, session: SessionId) -> Option<Features> {
        let session = self.node.engine.sessions().get(session)?;
        let [from, to] = session.throttle;
        let [filter_in, filter_out] = &session.filters;
        let name = |list: &Option<_>| list.as_deref().map(str::to_owned);
        Some(Features {
            snoop: session.snoop,
            throttle: (from, to),
            filter: (name(filter_in), name(filter_out)),
        })
    }

    fn users(&self, begin: &str, most: usize) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for name in self.node.engine.users(begin) {
            if names.last().is_none_or(|last| last != name) {
                names.push(name.to_owned());
            }
            if names.len() >= most {
                break;
            }
        }
        names
    }

    fn access_lists(&self) -> Vec<String> {
        let lists = self.node.config.access_lists.0.iter();
        lists.map(|list| list.name.clone()).collect()
    }

    fn snoop(&mut self, session: SessionId, to: Option<SocketAddr>) {
        // It was there when the command was looked at, in this same turn.
        let _ = self.node.engine.snoop(self.now, session, to);
    }

    fn throttle(&mut self, session: SessionId, (from, to): (u32, u32)) {
        let _ = self.node.engine.throttle(self.now, session, [from, to]);
    }

    fn throttle_speed(&self) -> u32 {
        self.node.config.throttle_speed
    }

    fn filter(&mut self, session: SessionId, lists: (Option<String>, Option<String>)) {
        let lists = [lists.0.as_deref(), lists.1.as_deref()];
        let _ = self.node.engine.filter(self.now, session, lists);
    }

    fn drop_session(&mut self, session: SessionId) {
        let reason = "Requested by administrator.";
        let _ = self.node.engine.drop_session(self.now, session, reason);
    }

    fn drop_user(&mut self, session: SessionId) {
        let reason = "Requested by administrator.";
        let _ = self.node.engine.drop_user(self.now, session, reason);
    }

    fn drop_tunnel(&mut self, tunnel: TunnelId) -> Result<String, String> {
        let engine = &mut self.node.engine;
        let name = engine.with_tunnel(self.now, tunnel, |tunnel| tunnel.host.to_owned());
        match engine.drop_tunnel(self.now, tunnel) {
            Ok(()) => Ok(name.unwrap_or_default()),
            Err(OperationError::TunnelClosing) => {
                Err(format!("Tunnel {tunnel} is already being shut down"))
            }
            Err(_) => Err(format!("Tunnel {tunnel} is not connected")),
        }
    }

    fn clear_counters(&mut self) {
        self.node.clear_counters();
    }

    fn configure(&mut self, mode: &mut Mode, words: &[&str]) -> Result<Reply, Refusal> {
        let mut config = (*self.node.config).clone();
        let sessions = self.node.engine.sessions();
        let in_use = |name: &str| {
            let mut filters = sessions.iter().flat_map(|session| &session.filters);
            filters.any(|list| list.as_deref() == Some(name))
        };
        let mut reply = config.execute(mode, words, &in_use)?;
        let changes = config.changes_since(&self.node.config);
        let late = changes.at_restart();
        reply
            .remarks
            .extend(late.map(|variable| format!("{} changes with the next start", variable.name)));
        let log = changes.has("log_file") || changes.has("debug");
        if !changes.is_empty() {
            self.node.config = Arc::new(config);
            let config = Arc::clone(&self.node.config);
            self.node.use_plugin_directory();
            self.node.engine.configure(self.now, config);
        }
        if log {
            self.node.open_log();
        }
        Ok(reply)
    }

    fn write_memory(&mut self) -> Result<(), String> {
        let text = self.node.config.running();
        let path = &self.node.files.config;
        let mut kept = path.as_os_str().to_owned();
        kept.push(".bak");
        std::fs::copy(path, kept).map_err(|error| error.to_string())?;
        files::write_durable(path, text.as_bytes(), 0o600).map_err(|error| error.to_string())
    }

    fn shutdown(&mut self) {
        self.shutdown = true;
    }

    fn reload(&mut self) {
        self.reload = true;
    }

    fn bgp(&mut self, _change: BgpChange, _peer: Option<&str>) -> Vec<String> {
        match &self.node.config.bgp {
            None => Vec::new(),
            Some(_) => vec!["BGP has no effect yet".into()],
        }
    }

    fn log_since(&self, written: u64) -> (Vec<(Level, String)>, u64) {
        let (entries, written) = self.node.logging.since(written);
        let entries = entries.into_iter().map(|entry| {
            let level = match entry.level {
                "critical" => Level::Critical,
                "error" => Level::Error,
                "warning" => Level::Warning,
                "info" => Level::Info,
                "debug" => Level::Call,
                _ => Level::Data,
            };
            (level, entry.text)
        });
        (entries.collect(), written)
    }
}
