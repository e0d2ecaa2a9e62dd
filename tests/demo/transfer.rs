//! A TCP transfer with a progress bar.

use std::io::{IsTerminal, Read, Write, stdout};
use std::net::{SocketAddrV4, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use wanbox_console::progress::Progress;
use wanbox_rig::error::Context;
use wanbox_rig::{Netns, Result, ensure, uninterrupted};

/// Where the receiver listens: the branch's end of DLCI 16.
const RECEIVER: &str = "10.0.16.2:5001";

/// How long the stream may stand still.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often the bar is redrawn on a terminal, and written elsewhere.
const REDRAW: Duration = Duration::from_millis(100);
const REWRITE: Duration = Duration::from_secs(2);

/// Sends this many octets from one network to the other and shows how far it is.
///
/// # Errors
/// The connection failed or stood still, or octets are missing.
pub fn run(from: &Netns, to: &Netns, octets: u64) -> Result {
    let address: SocketAddrV4 = RECEIVER.parse()?;
    let (ready, wait) = mpsc::channel();
    std::thread::scope(|scope| {
        let receiver = scope.spawn(move || {
            to.inside(|| {
                let listener = TcpListener::bind(address).context(address)?;
                ready.send(()).context("the sender")?;
                let (stream, _) = listener.accept()?;
                receive(stream, octets)
            })
        });
        // When the receiver failed, its own error says more than this one.
        let sent = wait.recv().map_err(Into::into).and_then(|()| {
            from.inside(|| {
                let stream = TcpStream::connect_timeout(&address.into(), PATIENCE)?;
                send(stream, octets)
            })
        });
        receiver
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            .and(sent)
    })
}

fn send(mut stream: TcpStream, octets: u64) -> Result {
    stream.set_write_timeout(Some(PATIENCE))?;
    let block = [0x5a; 16 * 1024];
    let mut left = octets;
    while left > 0 {
        let part = usize::try_from(left)
            .unwrap_or(block.len())
            .min(block.len());
        stream.write_all(block.get(..part).unwrap_or_default())?;
        left -= part as u64;
    }
    Ok(())
}

fn receive(mut stream: TcpStream, octets: u64) -> Result {
    stream.set_read_timeout(Some(PATIENCE))?;
    let progress = Progress::new(octets);
    let terminal = stdout().is_terminal();
    let started = Instant::now();
    let mut drawn = started;
    let mut block = [0; 16 * 1024];
    let mut done = 0;
    loop {
        let got = uninterrupted(|| stream.read(&mut block))?;
        done += got as u64;
        let last = got == 0 || done >= octets;
        if last || drawn.elapsed() >= if terminal { REDRAW } else { REWRITE } {
            drawn = Instant::now();
            let line = progress.line(done, started.elapsed());
            // Redrawn in place where that is possible: the rest of an older line is wiped.
            match (terminal, last) {
                (true, false) => print!("\r{line}\x1b[K"),
                (true, true) => println!("\r{line}\x1b[K"),
                (false, _) => println!("{line}"),
            }
            stdout().flush()?;
        }
        if last {
            break;
        }
    }
    ensure!(done == octets, "{done} of {octets} octets arrived");
    Ok(())
}
