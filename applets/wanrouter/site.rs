//! Where this router keeps its files, as `wanrouter.rc` has it.

use std::path::PathBuf;

use wanbox_grammar::diagnostic::Diagnostics;
use wanbox_runtime::files::{FileError, Root};

use crate::conf::Settings;
use crate::conf::settings::PLACES;
use crate::daemons;

/// The longest configuration file, octets: 200 interfaces take some 100 KiB.
pub const CONF_LIMIT: u64 = 1 << 20;

/// The settings and places of a router.
#[derive(Clone, Debug)]
pub struct Site {
    /// What the meta configuration says.
    pub settings: Settings,
    /// The prefix of all paths.
    pub root: Root,
    /// Pid files, control sockets, texts.
    pub run_dir: PathBuf,
    /// The meta configuration these are from.
    pub rc_file: PathBuf,
    /// `WAN_CONF_DIR`.
    pub conf_dir: PathBuf,
    /// `WAN_SCRIPTS_DIR`.
    pub scripts_dir: PathBuf,
    /// `WAN_LOG`.
    pub log: PathBuf,
    /// `WAN_LOCK`: exists while something runs.
    pub lock: PathBuf,
    /// The lock of `wanrouter` itself.
    pub mutex: PathBuf,
    /// `ROUTER_BOOT`.
    pub boot: bool,
    /// `WAN_DEVICES_REV_STOP_ORDER`.
    pub reverse_stop: bool,
    /// `WAN_DEVICES`.
    pub devices: Vec<String>,
    /// What is odd in the meta configuration.
    pub warnings: Vec<String>,
}

impl Site {
    /// Reads `wanrouter.rc`.
    ///
    /// The error is in the words of the original when the file is missing.
    pub fn load(root: &Root) -> Result<Self, String> {
        Self::read(root).map_err(|error| {
            if error.is_absent() {
                format!("Error: {} not found!", error.path.display())
            } else {
                error.to_string()
            }
        })
    }

    /// As [`Site::load`], but a missing file means the defaults.
    pub fn load_or_default(root: &Root) -> Result<Self, String> {
        match Self::read(root) {
            Err(error) if error.is_absent() => {
                Ok(Self::of(Settings::default(), &Diagnostics::default(), root))
            }
            result => result.map_err(|error| error.to_string()),
        }
    }

    fn read(root: &Root) -> Result<Self, FileError> {
        let (settings, remarks) = Settings::load(root)?;
        Ok(Self::of(settings, &remarks, root))
    }

    fn of(settings: Settings, remarks: &Diagnostics, root: &Root) -> Self {
        let places = PLACES.map(|place| root.path(place));
        let rc_file = places.iter().find(|place| place.exists());
        Self {
            root: root.clone(),
            run_dir: root.run_dir(),
            rc_file: rc_file.unwrap_or(&places[0]).clone(),
            conf_dir: root.path(&settings.conf_dir),
            scripts_dir: root.path(&settings.scripts_dir),
            log: root.path(&settings.log),
            lock: root.path(settings.lock_dir.join("wanrouter")),
            mutex: root.path("/var/lock/wanrouter_lock"),
            boot: settings.boot,
            reverse_stop: settings.reverse_stop,
            devices: settings.devices.clone(),
            warnings: remarks.iter().map(ToString::to_string).collect(),
            settings,
        }
    }

    /// The configuration file of a device.
    pub fn conf_file(&self, device: &str) -> PathBuf {
        self.settings.conf_file(&self.root, device)
    }

    /// The devices that have a configuration file, `wanpipe2` before `wanpipe10`.
    pub fn configured(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(&self.conf_dir) else {
            return Vec::new();
        };
        let mut devices: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter_map(|name| name.strip_suffix(".conf").map(str::to_owned))
            // Not what an editor or wancfg left, and not global.conf.
            .filter(|device| daemons::is_device(device))
            .collect();
        devices.sort_by(|a, b| daemons::natural(a, b));
        devices
    }
}
