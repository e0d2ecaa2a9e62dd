//! Stand-ins for link daemons and their places, for the tests of the commands.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use serde_json::{Value, json};
use wanbox_runtime::files::Lock;

use crate::control::{self, DeviceStatus, Request};

/// A directory that is gone when it is dropped.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("wb-{}-{number}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Writes a shell script. By a process of its own: a file that we had open for writing while
/// another test forks could not be executed.
pub fn script(path: &Path, body: &str) {
    let mut child = Command::new("sh")
        .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let text = format!("#!/bin/sh\n{body}\n");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success());
}

/// Holds the lock that a running daemon holds.
pub fn hold(run_dir: &Path, device: &str) -> Lock {
    std::fs::create_dir_all(run_dir).unwrap();
    let lock = Lock::acquire(&control::pid_file(run_dir, device)).unwrap();
    lock.file().set_len(0).unwrap();
    let mut file = lock.file();
    writeln!(file, "{}", std::process::id()).unwrap();
    lock
}

/// A daemon in a thread: answers, and remembers what it was asked.
pub struct Daemon {
    /// What it was asked, in order.
    pub asked: Receiver<Request>,
}

impl Daemon {
    pub fn start(run_dir: &Path, mut state: DeviceStatus) -> Self {
        let lock = hold(run_dir, &state.device);
        let listener = UnixListener::bind(control::socket(run_dir, &state.device)).unwrap();
        let (sender, asked) = channel();
        thread::spawn(move || {
            let lock = lock;
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                let Some(request) = read(&stream) else {
                    continue;
                };
                // A test may not care what was asked.
                let _ = sender.send(request.clone());
                let (reply, ends) = answer(&mut state, request);
                if ends {
                    drop(listener);
                    drop(lock);
                    write(&stream, &reply);
                    return;
                }
                write(&stream, &reply);
            }
        });
        Self { asked }
    }
}

fn read(stream: &UnixStream) -> Option<Request> {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).ok()?;
    serde_json::from_str(&line).ok()
}

fn write(mut stream: &UnixStream, reply: &Value) {
    // The asker may have gone.
    let _ = writeln!(stream, "{reply}");
}

fn answer(state: &mut DeviceStatus, request: Request) -> (Value, bool) {
    let done = |changes: &[&str]| json!({"ok": {"reply": "done", "changes": changes}});
    let refused = |text: &str| json!({"error": {"text": text, "code": 1}});
    let reply = match request {
        Request::Status => {
            let mut reply = serde_json::to_value(&*state).unwrap();
            reply["reply"] = "status".into();
            json!({"ok": reply})
        }
        Request::Counters => json!({"ok": {"reply": "counters", "line": {"rx_frames": 7}}}),
        Request::FlushCounters => done(&[]),
        Request::AddInterface { interface } => {
            let mut added = state.interfaces[0].clone();
            added.name.clone_from(&interface.name);
            state.interfaces.push(added);
            done(&["interface added"])
        }
        Request::RemoveInterface { name } => {
            state.interfaces.retain(|interface| interface.name != name);
            done(&["interface removed"])
        }
        Request::Reconfigure { device } if device.interfaces.is_empty() => {
            refused("STATION: cannot be changed on a running link")
        }
        Request::Reconfigure { .. } => done(&["wp1_fr17: added", "wp1_fr16: CIR 16 -> 32"]),
        Request::Cut { cut } => {
            state.cut = cut;
            done(&[])
        }
        Request::Capture { file: Some(file) } => {
            state.capture = Some(file);
            done(&[])
        }
        Request::Capture { file: None } => refused("no capture runs"),
        Request::Log => json!({"ok": {"reply": "log", "lines": ["link up", "link down"]}}),
        Request::Stop => return (done(&[]), true),
    };
    (reply, false)
}
