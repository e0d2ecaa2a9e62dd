//! The only room that talks to the kernel. Knows descriptors, but no protocol.

pub mod answering;
pub mod cable;
pub mod control;
pub mod daemon;
pub mod datagram;
pub mod device_lock;
pub mod eql;
pub mod event_loop;
pub mod files;
pub mod logging;
pub mod mapping;
mod message;
pub mod netlink;
pub mod netns;
pub mod packet;
pub mod process;
pub mod raw;
pub mod resident;
pub mod resolver;
pub mod service;
pub mod slip;
pub mod stream;
pub mod terminal;
pub mod timers;
pub mod tun;
pub mod udp;
pub mod wall_clock;
