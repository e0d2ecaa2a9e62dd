//! What can be configured: `startup-config`, the commands of configuration mode, `ip_pool`.
//!
//! | to change | open |
//! |---|---|
//! | variables: their type, default, help, when they apply | `variables.rs` |
//! | how a type of value is read and written | `value.rs` |
//! | what follows from variables together | `derived.rs` |
//! | what a reload changes | `changes.rs` |
//! | files, and what is checked in them | `file.rs`, `words.rs` |
//! | commands and their replies | `command.rs` |
//! | how it is printed | `running.rs` |
//! | access lists | `access_list.rs` |
//! | the file of the address pool | `ip_pool.rs` |

mod access_list;
mod bgp;
mod changes;
mod command;
mod derived;
mod file;
mod forward;
mod ip_pool;
mod running;
mod value;
mod variables;
mod words;

pub use access_list::{
    AccessList, AccessLists, ListType, MAX_LIST_NAME, MAX_LISTS, ShowRule, read_rule,
};
pub use bgp::{MAX_NEIGHBOURS, Neighbour, Router};
pub use changes::Changes;
pub use command::{MAX_PLUGIN_NAME, MAX_PLUGINS, Mode, Refusal, Reply};
pub use derived::{FALLBACK_ADDRESS, MAX_MRU, RADIUS_PORT, RadiusServer};
pub use file::fuzz_config;
pub use forward::{Forward, MAX_FORWARDS};
pub use ip_pool::{AddressPools, Networks, parse_pool};
pub use value::{AuthType, FACILITIES, Kind, Log, MAX_TEXT, Secret};
pub use variables::{Applies, Config, VARIABLES, Variable};
pub use words::{Split, split};

#[cfg(test)]
mod tests;
