//! Clients of echo servers.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use wanbox_link::random::SplitMix64;
use wanbox_rig::{Error, Result, ensure, uninterrupted};

/// How long nothing may come.
const SILENCE: Duration = Duration::from_secs(60);

/// A connection on which nothing waits for ever.
///
/// # Errors
/// Nobody takes it.
pub fn connect(to: (Ipv4Addr, u16)) -> Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&to.into(), SILENCE)?;
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))?;
    Ok(stream)
}

/// Octets that nobody sends by mistake.
struct Pattern(SplitMix64);

impl Pattern {
    fn fill(&mut self, octets: &mut [u8]) {
        for eight in octets.chunks_mut(8) {
            eight.copy_from_slice(&self.0.next_u64().to_le_bytes()[..eight.len()]);
        }
    }
}

/// Sends so many octets to an echo server and compares what comes back.
///
/// # Errors
/// Something else came back, or less, or more.
pub fn echoed(stream: &TcpStream, octets: u64) -> Result {
    const CHUNK: usize = 65_536;
    let pattern = || Pattern(SplitMix64::new(octets));
    thread::scope(|scope| {
        let sender = scope.spawn(|| -> Result {
            let (mut chunk, mut pattern) = (vec![0; CHUNK], pattern());
            let mut left = octets as usize;
            while left > 0 {
                let now = left.min(CHUNK);
                pattern.fill(&mut chunk[..now]);
                (&*stream).write_all(&chunk[..now])?;
                left -= now;
            }
            Ok(stream.shutdown(Shutdown::Write)?)
        });
        let (mut chunk, mut expected, mut pattern) = (vec![0; CHUNK], vec![0; CHUNK], pattern());
        let mut left = octets as usize;
        while left > 0 {
            let now = left.min(CHUNK);
            pattern.fill(&mut expected[..now]);
            (&*stream).read_exact(&mut chunk[..now])?;
            ensure!(
                chunk[..now] == expected[..now],
                "something else came within {CHUNK} octets of {}",
                octets as usize - left
            );
            left -= now;
        }
        ensure!(
            uninterrupted(|| (&*stream).read(&mut chunk))? == 0,
            "more came than was sent"
        );
        sender.join().map_err(|_| Error::new("the sender failed"))?
    })
}
