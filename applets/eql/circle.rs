//! Slaves whose packets would come back to their master, and go in a circle.

use std::net::IpAddr;

use wanbox_runtime::control::Failure;
use wanbox_runtime::netlink::Link;

/// How far a chain of interfaces upon interfaces is followed.
const MAX_DEPTH: usize = 8;

/// Checks that what a slave sends does not come back to the master: a loopback does that, and what
/// is made upon the master, and a tunnel whose other end is reached through it. `way_to` tells the
/// index of the interface through which an address is reached.
///
/// # Errors
/// Why it would.
pub fn check(
    links: &[Link],
    master: &Link,
    slave: &Link,
    mut way_to: impl FnMut(IpAddr) -> Option<u32>,
) -> Result<(), Failure> {
    let circle = |why: String| {
        Failure::new(format!(
            "{}: its packets would come back to {}: {why}",
            slave.name, master.name
        ))
    };
    if slave.is_loopback() {
        return Err(circle("it is a loopback".into()));
    }
    let mut link = slave;
    for _ in 0..MAX_DEPTH {
        if let Some(end) = link.tunnel_end
            && way_to(end) == Some(master.index)
        {
            return Err(circle(format!(
                "{} is a tunnel to {end}, which is reached through {}",
                link.name, master.name
            )));
        }
        let Some(lower) = link.lower else {
            break;
        };
        if lower == master.index {
            return Err(circle(format!("{} is made upon it", link.name)));
        }
        let Some(next) = links.iter().find(|link| link.index == lower) else {
            break;
        };
        link = next;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(index: u32, name: &str, lower: Option<u32>) -> Link {
        Link {
            index,
            name: name.into(),
            lower,
            ..Link::default()
        }
    }

    #[test]
    fn circles() {
        let far: IpAddr = [10, 0, 0, 2].into();
        let near: IpAddr = [10, 0, 0, 3].into();
        let mut links = [
            link(1, "eql", None),
            link(2, "tun0", Some(1)),
            link(3, "vlan0", Some(2)),
            link(4, "sl0", None),
            link(5, "one", Some(6)),
            link(6, "other", Some(5)),
            link(7, "gre0", None),
            link(8, "gre1", None),
            link(9, "lo", None),
        ];
        links[6].tunnel_end = Some(far);
        links[7].tunnel_end = Some(near);
        links[8].flags = 0x8;
        let says = |slave: usize| {
            check(&links, &links[0], &links[slave], |end| {
                (end == far).then_some(1)
            })
            .map_err(|failure| failure.text)
        };
        for fine in ["sl0", "one", "gre1"] {
            let place = links.iter().position(|link| link.name == fine);
            // `one` is in a circle of its own: the chain has an end all the same.
            assert_eq!(says(place.unwrap()), Ok(()), "{fine}");
        }
        for (place, words) in [
            (
                1,
                "tun0: its packets would come back to eql: tun0 is made upon it",
            ),
            (
                2,
                "vlan0: its packets would come back to eql: tun0 is made upon it",
            ),
            (
                6,
                "gre0 is a tunnel to 10.0.0.2, which is reached through eql",
            ),
            (8, "it is a loopback"),
        ] {
            let text = says(place).unwrap_err();
            assert!(text.contains(words), "{text}");
        }
    }
}
