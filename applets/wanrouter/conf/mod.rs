//! Configuration: `wanpipe#.conf`, interface files, `wanrouter.rc`.
//!
//! [`parse`] and [`words::parse`] turn a file or the words of a command line into
//! [`DeviceConf`]s; [`load::device`] adds where the files are and the addresses of the
//! interfaces. What is wrong comes back all at once as [`Diagnostics`]; what could be read comes
//! back with it, so that a file with mistakes can still be listed.
//!
//! The tables in [`keys`] say of every key what it is, what it may be, and what it does here.

use wanbox_grammar::diagnostic::Diagnostics;

pub mod asynchronous;
pub mod ip;
pub mod keys;
pub mod load;
pub mod model;
pub mod ppp;
mod read;
pub mod settings;
pub mod summary;
pub mod words;
pub mod x25;

pub use asynchronous::AsyncConf;
pub use ip::{Gateway, IpConf};
pub use model::*;
pub use ppp::{IpMode, IpcpConf, MultilinkConf, PppAuth, PppChannel, PppConf, Secret};
pub use read::{fuzz_parse, parse};
pub use settings::Settings;
pub use x25::{
    Channels, LapbConf, PacketConf, X25Accept, X25Channel, X25Circuit, X25Conf, X25Encapsulation,
    X25Route, X25Station,
};

/// What a file or a command line gave.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The devices, in the order they are declared. With errors: as far as they could be read.
    pub devices: Vec<DeviceConf>,
    /// Everything that is wrong or worth a word.
    pub diagnostics: Diagnostics,
}

impl Outcome {
    /// The devices and the warnings about them, or everything that was said when any of it is an
    /// error: a configuration with an error is never used.
    pub fn accept(self) -> Result<(Vec<DeviceConf>, Diagnostics), Diagnostics> {
        if self.diagnostics.has_errors() {
            Err(self.diagnostics)
        } else {
            Ok((self.devices, self.diagnostics))
        }
    }
}

#[cfg(test)]
mod tests;
