//! `wanrouter.rc`: where the files are and what is started.

use std::path::{Path, PathBuf};

use wanbox_grammar::assign::Assignments;
use wanbox_grammar::diagnostic::Diagnostics;
use wanbox_grammar::value;
use wanbox_runtime::files::{self, FileError, Root};

/// The longest such file, octets.
const LIMIT: u64 = 64 * 1024;

/// The settings. Paths are as the file has them, without the prefix of a [`Root`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `ROUTER_BOOT`: start at all.
    pub boot: bool,
    /// `WAN_CONF_DIR`: the `wanpipe#.conf` files.
    pub conf_dir: PathBuf,
    /// `WAN_INTR_DIR`: the interface files.
    pub interface_dir: PathBuf,
    /// `WAN_LOG`: the log of the commands.
    pub log: PathBuf,
    /// `WAN_LOCK_DIR`: the directory of the boot system's lock, `wanrouter` in it.
    pub lock_dir: PathBuf,
    /// `WAN_SCRIPTS_DIR`: the user's start and stop scripts.
    pub scripts_dir: PathBuf,
    /// `NEW_IF_TYPE`: interface files are called `ifcfg-NAME`.
    pub new_if_type: bool,
    /// `WAN_DEVICES`: what `wanrouter start` starts, in this order.
    pub devices: Vec<String>,
    /// `WAN_DEVICES_REV_STOP_ORDER`: stop in the reverse order.
    pub reverse_stop: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            boot: true,
            conf_dir: "/etc/wanpipe".into(),
            interface_dir: "/etc/wanpipe/interfaces".into(),
            log: "/var/log/wanrouter".into(),
            lock_dir: "/var/lock".into(),
            scripts_dir: "/etc/wanpipe/scripts".into(),
            new_if_type: false,
            devices: vec!["wanpipe1".to_owned()],
            reverse_stop: true,
        }
    }
}

/// Where the file is looked for, in this order.
pub const PLACES: [&str; 2] = [
    "/etc/wanpipe/wanrouter.rc",
    "/usr/local/wanrouter/wanrouter.rc",
];

/// Names of releases 2.1 to 2.3 and what they became.
const OLD_NAMES: [(&str, &str); 4] = [
    ("WAN_CONF_DIR", "WANPIPE_CONF_DIR"),
    ("WAN_INTR_DIR", "WANPIPE_INTR_DIR"),
    ("WAN_LOG", "ROUTER_LOG"),
    ("WAN_LOCK", "ROUTER_LOCK"),
];

impl Settings {
    /// Reads the first of [`PLACES`] that is there, then `global.conf` beside it.
    ///
    /// # Errors
    /// None is there ([`FileError::is_absent`]), or one cannot be read. What is wrong inside is in
    /// the findings, and the default is used for it.
    pub fn load(root: &Root) -> Result<(Self, Diagnostics), FileError> {
        let mut absent = None;
        for place in PLACES {
            let path = root.path(place);
            match files::read(&path, LIMIT) {
                Ok(text) => {
                    let mut text = String::from_utf8_lossy(&text).into_owned();
                    match files::read(&path.with_file_name("global.conf"), LIMIT) {
                        Ok(more) => {
                            text.push('\n');
                            text.push_str(&String::from_utf8_lossy(&more));
                        }
                        Err(error) if error.is_absent() => {}
                        Err(error) => return Err(error),
                    }
                    let mut diagnostics = Diagnostics::new(path.display().to_string());
                    let settings = Self::parse(&text, &mut diagnostics);
                    return Ok((settings, diagnostics));
                }
                Err(error) if error.is_absent() => absent = absent.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        // The loop returned, or the first place was absent.
        absent.map_or_else(|| Ok((Self::default(), Diagnostics::default())), Err)
    }

    /// Reads the file's text. Old names count where the new ones are not set.
    pub fn parse(text: &str, diagnostics: &mut Diagnostics) -> Self {
        let file = Assignments::parse(text, diagnostics);
        let get = |name: &str| {
            let old = OLD_NAMES.iter().find(|(new, _)| *new == name);
            file.value(name)
                .or_else(|| old.and_then(|(_, old)| file.value(old)))
        };
        let mut settings = Self::default();
        let mut directory = |name: &str, path: &mut PathBuf| {
            if let Some(text) = get(name) {
                if text.starts_with('/') {
                    *path = text.into();
                } else {
                    let line = file.get(name).map_or(0, |a| a.line);
                    let what = format!("'{text}' is not an absolute path");
                    diagnostics.error(line, name, what, "/DIR");
                }
            }
        };
        directory("WAN_CONF_DIR", &mut settings.conf_dir);
        settings.interface_dir = settings.conf_dir.join("interfaces");
        settings.scripts_dir = settings.conf_dir.join("scripts");
        directory("WAN_INTR_DIR", &mut settings.interface_dir);
        directory("WAN_SCRIPTS_DIR", &mut settings.scripts_dir);
        directory("WAN_LOG", &mut settings.log);
        // The old name gives the lock itself, the newer one its directory.
        let mut lock = settings.lock_dir.join("wanrouter");
        directory("WAN_LOCK", &mut lock);
        if let Some(dir) = lock.parent() {
            settings.lock_dir = dir.to_owned();
        }
        directory("WAN_LOCK_DIR", &mut settings.lock_dir);

        let mut flag = |name: &str, flag: &mut bool| {
            if let Some(given) = file.get(name).filter(|a| !a.value.is_empty()) {
                match value::yes_no(&given.value) {
                    Ok(value) => *flag = value,
                    Err(why) => diagnostics.error(given.line, name, why, "YES, NO"),
                }
            }
        };
        flag("ROUTER_BOOT", &mut settings.boot);
        flag("NEW_IF_TYPE", &mut settings.new_if_type);
        flag("WAN_DEVICES_REV_STOP_ORDER", &mut settings.reverse_stop);

        if let Some(given) = file.get("WAN_DEVICES") {
            settings.devices.clear();
            for name in given.value.split_whitespace() {
                match device_name(name) {
                    Ok(name) if settings.devices.iter().any(|d| d == name) => {
                        diagnostics.warning(given.line, "WAN_DEVICES", format!("{name} twice"));
                    }
                    Ok(name) => settings.devices.push(name.to_owned()),
                    Err(why) => {
                        diagnostics.error(given.line, "WAN_DEVICES", why, "\"wanpipe1 wanpipe2\"");
                    }
                }
            }
        }
        settings
    }

    /// The configuration file of a device: in the configuration directory or, when it is only
    /// there, in `/etc` as releases 2.1 and 2.2 had it.
    pub fn conf_file(&self, root: &Root, device: &str) -> PathBuf {
        let name = format!("{device}.conf");
        let path = root.path(self.conf_dir.join(&name));
        let old = root.path(Path::new("/etc").join(&name));
        if !path.exists() && old.exists() {
            old
        } else {
            path
        }
    }

    /// The interface file of an interface.
    pub fn interface_file(&self, root: &Root, interface: &str) -> PathBuf {
        let prefix = if self.new_if_type { "ifcfg-" } else { "" };
        root.path(self.interface_dir.join(format!("{prefix}{interface}")))
    }
}

/// Checks the name of a device: 1 to 15 letters, digits, `_`, `-`, `.`; files are named after it.
pub fn device_name(text: &str) -> Result<&str, String> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
    if (1..=15).contains(&text.len()) && text.bytes().all(legal) && !text.starts_with(['.', '-']) {
        Ok(text)
    } else {
        Err(format!(
            "'{text}' is not a device name (1 to 15 letters, digits, '_', '-', '.')"
        ))
    }
}
