//! What needs a process of its own: daemons, privileges, SIGPIPE.
//!
//! This program is its own subject. Called with `act NAME ARGUMENT...` it plays that part
//! with one thread; else it is the test runner, which starts such parts.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test program, though without the harness that clippy knows tests by"
)]

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Output, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Failed, Trial};
use nix::fcntl::{FcntlArg, fcntl};
use wanbox_runtime::daemon::{self, DaemonError, PidFile, Readiness, Started, running};
use wanbox_runtime::process::{self, Capability, Signal, drop_privileges, restore_sigpipe};

type Run = fn() -> Result<(), Failed>;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let Some(("act", rest)) = words.split_first().map(|(w, rest)| (w.as_str(), rest)) {
        return act(rest);
    }
    let tests: [(&str, Run); 11] = [
        ("the_starter_returns_when_the_daemon_is_ready", ready),
        ("the_daemon_is_on_its_own", on_its_own),
        ("a_failure_becomes_the_starters_error", failure),
        ("a_daemon_that_dies_unsaid", dies),
        ("a_daemon_that_takes_too_long_is_ended", too_long),
        ("a_program_with_threads_does_not_fork", threads),
        ("a_second_copy_is_refused", second_copy),
        ("a_killed_daemons_pid_file_is_taken_over", stale),
        ("a_pid_file_of_nonsense_is_an_error", nonsense),
        ("privileges_are_gone_for_good", privileges),
        ("sigpipe_ends_a_one_shot_command", sigpipe),
    ];
    let trials = tests.map(|(name, run)| Trial::test(name, run)).into();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Plays a part.
fn act(words: &[String]) -> ExitCode {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["daemon", how, patience, directory] => act_daemon(how, patience, Path::new(directory)),
        ["foreground", directory] => serve(Readiness::foreground(), Path::new(directory)),
        ["threads"] => {
            let thread = std::thread::spawn(|| std::thread::sleep(Duration::from_millis(300)));
            let detached = daemon::detach(PATIENCE);
            thread.join().unwrap();
            detached.map(|_| ())
        }
        ["drop", user, program] => {
            let user = Some(*user).filter(|user| !user.is_empty());
            match drop_privileges(user, &[Capability::NetAdmin, Capability::NetRaw]) {
                Ok(()) => {
                    print!("{}", fs::read_to_string("/proc/self/status").unwrap());
                    if !program.is_empty() {
                        let status = Command::new(program).status();
                        println!("program: {}", status.is_ok_and(|s| s.success()));
                    }
                }
                Err(error) => {
                    eprintln!("{error}");
                    return ExitCode::FAILURE;
                }
            }
            Ok(())
        }
        ["pipe"] => {
            restore_sigpipe();
            let line = [b'y'; 4096];
            while std::io::stdout().write_all(&line).is_ok() {}
            Ok(())
        }
        other => panic!("no part {other:?}"),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn act_daemon(how: &str, patience: &str, directory: &Path) -> Result<(), DaemonError> {
    let patience = Duration::from_millis(patience.parse().unwrap());
    match daemon::detach(patience)? {
        Started::Starter { pid } => {
            println!("started {pid}");
            Ok(())
        }
        Started::Daemon(readiness) => match how {
            "ready" => serve(readiness, directory),
            "fail" => {
                assert!(readiness.failed("cannot open the line: no such device"));
                Ok(())
            }
            "die" => std::process::abort(),
            "hang" => {
                std::thread::sleep(Duration::from_secs(100));
                Ok(())
            }
            other => panic!("{other}"),
        },
    }
}

/// Claims the pid file, says what it sees of itself, and lives until it is told to end.
fn serve(readiness: Readiness, directory: &Path) -> Result<(), DaemonError> {
    let pid_file = match PidFile::claim(&directory.join("pid")) {
        Ok(pid_file) => pid_file,
        Err(error) => {
            if readiness.failed(&error.to_string()) {
                return Ok(());
            }
            return Err(error);
        }
    };
    println!("before");
    readiness.ready();
    println!("after");
    let mut report = String::new();
    for fd in 0..64 {
        if let Ok(target) = fs::read_link(format!("/proc/self/fd/{fd}")) {
            report += &format!("fd {fd} {}\n", target.display());
        }
    }
    let own = nix::unistd::getpid();
    report += &format!("directory {}\n", std::env::current_dir().unwrap().display());
    report += &format!("session {}\n", nix::unistd::getsid(None).unwrap());
    report += &format!("pid {own}\n");
    fs::write(directory.join("report.new"), report).unwrap();
    fs::rename(directory.join("report.new"), directory.join("report")).unwrap();
    while !directory.join("end").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(pid_file);
    Ok(())
}

const PATIENCE: Duration = Duration::from_secs(20);

/// A directory, and the daemons that were started in it, ended with it.
struct Rig(PathBuf);

impl Rig {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("wanbox-daemon-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn pid_file(&self) -> PathBuf {
        self.0.join("pid")
    }

    fn start(&self, how: &str, patience: Duration) -> Output {
        let millis = patience.as_millis().to_string();
        part(&["daemon", how, &millis, self.0.to_str().unwrap()])
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    fn report(&self) -> String {
        wait_for("the daemon's report", || {
            fs::read_to_string(self.0.join("report")).ok()
        })
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if let Ok(Some(pid)) = running(&self.pid_file()) {
            fs::write(self.0.join("end"), "").unwrap();
            wait_for("the daemon's end", || (!process::exists(pid)).then_some(()));
        }
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn part(words: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("act").args(words);
    command
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

fn ready() -> Result<(), Failed> {
    let rig = Rig::new("ready");
    let output = rig.start("ready", PATIENCE);
    assert!(output.status.success(), "{output:?}");
    let pid = running(&rig.pid_file()).unwrap().unwrap();
    // What the daemon prints before it is ready reaches the user, and no more after.
    assert_eq!(text(&output.stdout), format!("before\nstarted {pid}\n"));
    assert_eq!(text(&output.stderr), "");
    drop(rig);
    Ok(())
}

fn on_its_own() -> Result<(), Failed> {
    let rig = Rig::new("alone");
    let (stray, _kept) = nix::unistd::pipe().unwrap();
    // Far above what the daemon opens itself, and not closed on exec.
    let high = fcntl(&stray, FcntlArg::F_DUPFD(200)).unwrap();
    let inherited = format!("fd {high} ");
    let output = rig.start("ready", PATIENCE);
    nix::unistd::close(high).unwrap();
    assert!(output.status.success(), "{output:?}");
    let report = rig.report();
    for fd in 0..3 {
        assert!(report.contains(&format!("fd {fd} /dev/null\n")), "{report}");
    }
    assert!(!report.contains(&inherited), "{inherited}: {report}");
    assert!(report.contains("directory /\n"), "{report}");
    let value = |key: &str| {
        let line = report.lines().find_map(|line| line.strip_prefix(key));
        line.unwrap().trim().parse::<i32>().unwrap()
    };
    let own = nix::unistd::getsid(None).unwrap().as_raw();
    assert_ne!(value("session"), own);
    assert_ne!(value("session"), value("pid"), "it could get a terminal");
    Ok(())
}

fn failure() -> Result<(), Failed> {
    let rig = Rig::new("fail");
    let output = rig.start("fail", PATIENCE);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        text(&output.stderr),
        "cannot open the line: no such device\n"
    );
    Ok(())
}

fn dies() -> Result<(), Failed> {
    let rig = Rig::new("die");
    let output = rig.start("die", PATIENCE);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        text(&output.stderr),
        "the daemon ended before it was ready\n"
    );
    Ok(())
}

fn too_long() -> Result<(), Failed> {
    let rig = Rig::new("hang");
    // The daemon holds standard output open as long as it lives, so that `output` returning
    // at all shows that it was ended.
    let begun = Instant::now();
    let output = rig.start("hang", Duration::from_millis(100));
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        text(&output.stderr),
        "the daemon was not ready within 100ms\n"
    );
    assert!(begun.elapsed() < PATIENCE);
    Ok(())
}

fn threads() -> Result<(), Failed> {
    let output = part(&["threads"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("has threads"), "{output:?}");
    Ok(())
}

fn second_copy() -> Result<(), Failed> {
    let rig = Rig::new("second");
    assert_eq!(running(&rig.pid_file()).unwrap(), None);
    assert!(rig.start("ready", PATIENCE).status.success());
    let pid = running(&rig.pid_file()).unwrap().unwrap();
    let refusal = format!(
        "already running as process {pid} ({})\n",
        rig.pid_file().display()
    );
    let output = rig.start("ready", PATIENCE);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr), refusal);
    let output = part(&["foreground", rig.0.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr), refusal);
    assert_eq!(running(&rig.pid_file()).unwrap(), Some(pid));

    let file = rig.pid_file();
    drop(rig);
    assert!(!file.exists(), "a clean end removes the pid file");
    Ok(())
}

fn stale() -> Result<(), Failed> {
    let rig = Rig::new("stale");
    let mut first: Child = part(&["foreground", rig.0.to_str().unwrap()])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    rig.report();
    assert_eq!(running(&rig.pid_file()).unwrap(), Some(first.id()));
    process::send_signal(first.id(), Signal::Kill).unwrap();
    first.wait().unwrap();
    assert!(rig.pid_file().exists());
    assert_eq!(running(&rig.pid_file()).unwrap(), None);
    // Not even when its number belongs to a process that lives.
    fs::write(rig.pid_file(), format!("{}\n", std::process::id())).unwrap();
    assert_eq!(running(&rig.pid_file()).unwrap(), None);
    assert!(rig.start("ready", PATIENCE).status.success());
    let pid = running(&rig.pid_file()).unwrap().unwrap();
    assert_ne!(pid, std::process::id());
    Ok(())
}

fn nonsense() -> Result<(), Failed> {
    let rig = Rig::new("nonsense");
    let pid_file = PidFile::claim(&rig.pid_file()).unwrap();
    assert_eq!(running(&rig.pid_file()).unwrap(), Some(std::process::id()));
    for wrong in ["", "twelve\n", "-1\n", "12"] {
        fs::write(rig.pid_file(), wrong).unwrap();
        let error = running(&rig.pid_file()).unwrap_err();
        assert!(error.to_string().contains("no process number"), "{error}");
    }
    drop(pid_file);
    Ok(())
}

/// A set of /proc/self/status.
fn capability_set(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    u64::from_str_radix(line.unwrap().trim(), 16).unwrap()
}

fn privileges() -> Result<(), Failed> {
    const NET_ADMIN_AND_RAW: u64 = 1 << 12 | 1 << 13;
    let output = part(&["drop", "no-such-user", ""]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr), "no user is called \"no-such-user\"\n");

    let root = nix::unistd::geteuid().is_root();
    let before = fs::read_to_string("/proc/self/status")?;
    let held = capability_set(&before, "CapPrm:");
    // As root the kept sets are left and the user changes; else nothing is held or changes.
    let user = if root { "nobody" } else { "" };
    let output = part(&["drop", user, "/bin/true"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let status = text(&output.stdout);
    for set in ["CapPrm:", "CapEff:"] {
        assert_eq!(
            capability_set(&status, set),
            held & NET_ADMIN_AND_RAW,
            "{set}"
        );
    }
    for set in ["CapInh:", "CapAmb:"] {
        assert_eq!(capability_set(&status, set), 0, "{set}");
    }
    assert!(status.contains("NoNewPrivs:\t1\n"), "{status}");
    assert!(status.ends_with("program: true\n"), "{status}");
    if root {
        assert_eq!(
            capability_set(&status, "CapBnd:") & !NET_ADMIN_AND_RAW,
            0,
            "the bounding set"
        );
        let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"));
        assert!(
            uids.unwrap().split_whitespace().all(|uid| uid != "0"),
            "{status}"
        );
    }
    Ok(())
}

fn sigpipe() -> Result<(), Failed> {
    use std::os::unix::process::ExitStatusExt;
    let mut child = part(&["pipe"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 100]).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.signal(), Some(libc::SIGPIPE));
    assert_eq!(text(&output.stderr), "");
    Ok(())
}
