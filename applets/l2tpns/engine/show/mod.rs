//! What people are shown: views of what is, and their layout on lines. Views are also given as
//! JSON, by the names of their fields.
//!
//! Tables are a heading, a row a value (its `Display`) and sometimes a last line, so that long ones
//! need not be in memory as a whole. Widths are those of the original, for the scripts that cut
//! lines at columns; what is wider moves the rest of its line.
//!
//! | to change | open |
//! |---|---|
//! | `show session`, `show users` | `session.rs` |
//! | `show tunnels`, `show remotelns-conf` | `tunnel.rs` |
//! | `show pool`, `show ipcache` | `pool.rs` |
//! | `show radius` | `radius.rs` |
//! | `show throttle`, `show tbf` | `throttle.rs` |
//! | `show counters`, `show histogram` | `counters.rs` |
//! | `uptime`, `show version`, `show cluster`, `show bgp`, `show access-list` ... | `status.rs` |

mod counters;
mod pool;
mod radius;
mod session;
mod status;
mod throttle;
mod tunnel;

pub use counters::{CALLS_WAITING, Counters, Histogram, ORIGINAL_COUNTERS, Traffic};
pub use pool::{IpCacheRow, PoolRow, PoolTotals};
pub use radius::{RadiusRow, RadiusState, RadiusTotals};
pub use session::{Bundle, Origin, Phase, Session, SessionRow};
pub use status::{
    Bandwidth, BgpPeer, Cluster, Matches, Uptime, access_list, banana, bgp, plugins, version,
};
pub use throttle::{BUCKET_HEADING, Bucket, ThrottleRow, bucket_totals};
pub use tunnel::{ForwardRow, Tunnel, TunnelRow, TunnelState};

/// `Y` or `N`.
fn flag(is: bool) -> char {
    if is { 'Y' } else { 'N' }
}

#[cfg(test)]
mod tests;
