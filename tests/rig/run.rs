//! Running programs and keeping what they said.

use std::io::{ErrorKind, Read};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::Context;
use crate::{Error, Result};

/// How a program ended and what it said.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The command line, for messages.
    pub line: String,
    /// The exit code; 128 and the signal's number when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Finished {
    /// Standard output, if the program ended with 0.
    ///
    /// # Errors
    /// It did not; the error has all it said.
    pub fn ok(self) -> Result<String> {
        self.code(0).map(|finished| finished.stdout)
    }

    /// Itself, if the program ended with this code.
    ///
    /// # Errors
    /// It did not; the error has all it said.
    pub fn code(self, wanted: i32) -> Result<Self> {
        if self.code == wanted {
            return Ok(self);
        }
        Err(Error::new(format!(
            "`{}` ended with {}, not {wanted}\n--- stdout\n{}--- stderr\n{}",
            self.line, self.code, self.stdout, self.stderr
        )))
    }
}

/// Runs a program to its end, without input.
///
/// # Errors
/// It could not be started, or did not end within the limit (then it is killed).
pub fn finish(command: &mut Command, limit: Duration) -> Result<Finished> {
    use std::os::unix::process::ExitStatusExt;

    let line = describe(command);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = spawn(command).context(&line)?;
    let stdout = child.stdout.take().map(collect);
    let stderr = child.stderr.take().map(collect);
    let deadline = Instant::now() + limit;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            break None;
        }
        thread::sleep(Duration::from_millis(5));
    };
    let text = |reader: Option<thread::JoinHandle<String>>| {
        reader.and_then(|r| r.join().ok()).unwrap_or_default()
    };
    let Some(status) = status else {
        return Err(Error::new(format!(
            "`{line}` did not end within {} s",
            limit.as_secs_f32()
        )));
    };
    Ok(Finished {
        line,
        code: status
            .code()
            .unwrap_or_else(|| 128 + status.signal().unwrap_or(0)),
        stdout: text(stdout),
        stderr: text(stderr),
    })
}

/// Starts a program. One that this process just wrote may still be open for
/// writing in a child that another thread forked: that passes.
fn spawn(command: &mut Command) -> std::io::Result<Child> {
    for _ in 0..100 {
        match command.spawn() {
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => {
                thread::sleep(Duration::from_millis(10));
            }
            result => return result,
        }
    }
    command.spawn()
}

/// The command line as one would type it, near enough for a message.
pub fn describe(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for arg in command.get_args() {
        line.push(' ');
        line.push_str(&arg.to_string_lossy());
    }
    line
}

/// A daemon that a command left behind may hold the pipe open: reading goes on beside the waiting.
fn collect(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut octets = Vec::new();
        // What came before an error is still worth showing.
        let _ = pipe.read_to_end(&mut octets);
        String::from_utf8_lossy(&octets).into_owned()
    })
}
