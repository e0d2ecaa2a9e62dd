//! What a PPP session takes of memory: what an access concentrator has tens of thousands of.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wanbox_link::ppp::auth::{Credentials, Method};
use wanbox_link::ppp::{Event, Phase, Profile, Session, ipcp, ipv6cp};
use wanbox_rig::{Result, ensure};

use crate::{Row, met};

/// Sessions of the concentrator.
const SESSIONS: u128 = 65_000;

/// How long a session has been up when it counts as idle.
const IDLE: Duration = Duration::from_secs(60);

/// The memory that is allowed to an idle session, octets.
const MEMORY: usize = 1024;

const NAME: &[u8] = b"subscriber@isp.example";
const SECRET: &[u8] = b"a secret of some length";

pub fn run(_: &Path) -> Result<Vec<Row>> {
    let [host, subscriber] = profiles().map(Arc::new);
    let now = Instant::now();
    // Room that is copied while it grows would be counted twice.
    let mut sessions = Vec::with_capacity(SESSIONS as usize);
    let before = resident()?;
    for n in 0..SESSIONS {
        let mut a = session(&host, now, 2 * n + 1);
        let mut b = session(&subscriber, now, 2 * n + 2);
        exchange(now, &mut a, &mut b);
        ensure!(
            is_up(&a) && is_up(&b),
            "two sessions did not come up: {a:?} {b:?}"
        );
        // What is kept of authentication for answers that come twice is given up.
        let later = now + IDLE;
        a.handle_timeout(later);
        b.handle_timeout(later);
        exchange(later, &mut a, &mut b);
        // Its subscriber is elsewhere.
        sessions.push(a);
    }
    let resident = resident()?.saturating_sub(before) / sessions.len();
    let counted = sessions.iter().map(Session::memory).max().unwrap_or(0);
    println!(
        "{} sessions with CHAP, IPv4 and IPv6: {counted} octets each by count, {resident} resident",
        sessions.len()
    );
    Ok(vec![Row {
        what: "PPP: an idle session",
        wanbox: format!("{counted} octets"),
        other: format!("{resident} resident"),
        ratio: String::new(),
        wanted: format!("at most {MEMORY}"),
        met: met(counted <= MEMORY),
    }])
}

/// A concentrator's sessions, and its subscribers'.
fn profiles() -> [Profile; 2] {
    let (here, there) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
    let host = Profile {
        demand: vec![Method::ChapMd5],
        name: (*b"access").into(),
        ipv4: Some(ipcp::Config::host(here, there)),
        ipv6: Some(ipv6cp::Config::default()),
        ..Profile::default()
    };
    let subscriber = Profile {
        provide: vec![Method::ChapMd5],
        credentials: Some(Credentials::new(NAME, SECRET)),
        ipv4: Some(ipcp::Config::of_peer()),
        ipv6: Some(ipv6cp::Config::default()),
        ..Profile::default()
    };
    [host, subscriber]
}

fn session(profile: &Arc<Profile>, now: Instant, seed: u128) -> Session {
    let mut session = Session::new(Arc::clone(profile), seed);
    session.carrier(now, true);
    session.open(now);
    session
}

fn is_up(session: &Session) -> bool {
    session.link().phase() == Phase::Network
        && session.network().ipv4().is_some()
        && session.network().ipv6().is_some()
}

/// Hands frames over until neither has more to say.
fn exchange(now: Instant, a: &mut Session, b: &mut Session) {
    let mut frame = Vec::new();
    loop {
        let mut quiet = true;
        while a.poll_transmit(&mut frame) {
            quiet = false;
            b.receive(now, &frame);
        }
        while b.poll_transmit(&mut frame) {
            quiet = false;
            a.receive(now, &frame);
        }
        while let Some(event) = a.poll_event() {
            if let Event::Authenticate(claim) = event {
                quiet = false;
                a.authenticate(now, &claim, claim.verify(SECRET));
            }
        }
        while b.poll_event().is_some() {}
        if quiet {
            return;
        }
    }
}

/// The resident memory of this process, octets.
fn resident() -> Result<usize> {
    Ok(wanbox_rig::resident(std::process::id())? as usize)
}
