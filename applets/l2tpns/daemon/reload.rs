//! SIGHUP and `reload`: the files are read again, and what differs is changed. No session ends
//! because of it.

use std::sync::Arc;

use wanbox_l2tpns_engine::config::AddressPools;
use wanbox_runtime::event_loop::Loop;
use wanbox_runtime::wall_clock;

use super::interface::missing;
use super::journal;
use super::open::use_level;
use super::pump::Node;
use crate::cli::Cli;

impl Node {
    /// Reads the files again. If anything is wrong in them, everything stays as it is.
    pub(super) fn reload(&mut self, lp: &mut Loop, cli: &mut Cli) {
        wall_clock::read_zone();
        // The log file may have been renamed, whatever the files say now.
        self.open_log();
        let loaded = match self.files.load() {
            Ok(loaded) => loaded,
            Err(wrong) => {
                for line in wrong {
                    log::error!("{line}");
                }
                log::error!("the configuration stays as it was");
                return;
            }
        };
        for remark in &loaded.remarks {
            log::warn!("{remark}");
        }
        let mut config = loaded.config;
        if config.tundevicename.is_empty() {
            // The kernel's choice, which was written back.
            config.tundevicename.clone_from(&self.config.tundevicename);
        }
        use_level(&mut config, self.level);
        let changes = config.changes_since(&self.config);
        for variable in changes.at_restart() {
            log::warn!("{} changes with the next start", variable.name);
        }
        let log = changes.has("log_file") || changes.has("debug");
        let changed = !changes.is_empty();
        self.config = Arc::new(config);
        if log {
            self.open_log();
        }
        self.use_plugin_directory();
        self.engine.configure(lp.now(), Arc::clone(&self.config));
        self.engine.set_subscribers(loaded.subscribers);
        self.change_pool(loaded.pool);
        cli.set_users(loaded.users);
        let word = if changed { "changed" } else { "as before" };
        log::info!("read the configuration again: {word}");
    }

    /// Before the engine wants plugins that are to be found there.
    pub(super) fn use_plugin_directory(&mut self) {
        let directory = self.files.root.path(&self.config.plugin_directory);
        self.plugins.set_directory(directory);
    }

    pub(super) fn open_log(&self) {
        let (root, config) = (&self.files.root, &self.config);
        let opened = journal::reopen(
            &self.logging,
            root,
            &config.log_file,
            config.debug,
            self.background,
        );
        if let Err(error) = opened {
            log::error!("{error}");
        }
    }

    fn change_pool(&mut self, pools: AddressPools) {
        let pool = pools.all();
        for (network, bits) in missing(&pool, &self.pool) {
            if let Err(error) = self.interface.add_route(network.into(), bits) {
                log::error!("{error}");
            }
        }
        for (network, bits) in missing(&self.pool, &pool) {
            if let Err(error) = self.interface.delete_route(network.into(), bits) {
                log::error!("{error}");
            }
        }
        self.engine.configure_pool(pools.own);
        self.engine.configure_named_pools(&pools.named);
        self.pool = pool;
    }
}
