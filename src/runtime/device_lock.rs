//! UUCP lock files: `LCK..NAME` with the owner's process number in ten columns, as pppd, minicom
//! and the others have it (Filesystem Hierarchy Standard, 5.9).

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::process;

/// A file that says nothing may be one that is being written.
const WRITING: Duration = Duration::from_secs(2);
/// How far the clocks of files and of processes may be apart.
const BLUR: Duration = Duration::from_secs(2);
/// Nobody writes more.
const MAX_FILE: u64 = 256;

/// Why a device could not be locked.
#[derive(Debug)]
pub enum DeviceLockError {
    /// Somebody else has it.
    InUse {
        /// The device.
        device: PathBuf,
        /// Its lock file.
        file: PathBuf,
        /// Whose it is; `None` while that is being written.
        owner: Option<u32>,
    },
    /// The file system refused.
    Io {
        /// The lock file.
        file: PathBuf,
        /// The system's error.
        error: io::Error,
    },
}

impl fmt::Display for DeviceLockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse {
                device,
                file,
                owner: Some(owner),
            } => write!(
                f,
                "{} is in use by process {owner} ({})",
                device.display(),
                file.display()
            ),
            Self::InUse { device, file, .. } => write!(
                f,
                "{} is being taken by somebody else ({})",
                device.display(),
                file.display()
            ),
            Self::Io { file, error } => write!(f, "{}: {error}", file.display()),
        }
    }
}

impl std::error::Error for DeviceLockError {}

/// The lock of a device that this process, or a child of it, holds. Removed when dropped.
#[derive(Debug)]
pub struct DeviceLock {
    file: PathBuf,
    owner: u32,
}

/// Who a lock file says has the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// There is no lock file, or it is left over.
    Nobody,
    /// This process.
    Process(u32),
    /// The file is new and says nothing yet.
    Unsaid,
}

impl DeviceLock {
    /// Takes the lock of a device. One whose owner died is taken over; also one that has held no
    /// number for a while, and one whose number now belongs to a process that began after the file
    /// was written and does not have the device open.
    ///
    /// # Errors
    /// Who has it, or what the file system said.
    pub fn acquire(directory: &Path, device: &Path) -> Result<Self, DeviceLockError> {
        let file = lock_file(directory, device);
        let owner = std::process::id();
        let failed = |error| DeviceLockError::Io {
            file: file.clone(),
            error,
        };
        // Under its name only with its content: nobody sees an empty one.
        let own = directory.join(format!("LTMP.{owner}"));
        write_new(&own, &number(owner)).map_err(failed)?;
        let mut taken = None;
        // More attempts follow when a stale one was removed.
        for _ in 0..3 {
            match fs::hard_link(&own, &file) {
                Ok(()) => {
                    taken = Some(Ok(Self {
                        file: file.clone(),
                        owner,
                    }));
                    break;
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => {
                    taken = Some(Err(failed(error)));
                    break;
                }
            }
            if let Err(error) = clear(&file, device) {
                taken = Some(Err(error));
                break;
            }
        }
        // It is ours, whatever happened.
        let _ = fs::remove_file(&own);
        taken.unwrap_or_else(|| {
            Err(failed(io::Error::other(
                "others take it again and again at this moment",
            )))
        })
    }

    /// Only looks whether the device is free, and removes a lock file that is left over.
    ///
    /// # Errors
    /// As [`Self::acquire`].
    pub fn check(directory: &Path, device: &Path) -> Result<(), DeviceLockError> {
        clear(&lock_file(directory, device), device)
    }

    /// The lock that a process, such as a child of one that is gone, still holds.
    pub fn held_by(directory: &Path, device: &Path, owner: u32) -> Option<Self> {
        let file = lock_file(directory, device);
        (owner_of(&file, device).ok()? == Owner::Process(owner)).then_some(Self { file, owner })
    }

    /// The file, open, for a child to put its number into: see
    /// [`process::in_own_group`].
    ///
    /// # Errors
    /// It is gone.
    pub fn open(&self) -> io::Result<File> {
        OpenOptions::new()
            .write(true)
            .custom_flags(libc::O_NOFOLLOW)
            .open(&self.file)
    }

    /// The child has put its number into it.
    pub fn given_to(&mut self, owner: u32) {
        self.owner = owner;
    }

    /// Makes it another process's, where it is ours still: a command that goes to the background
    /// may have put its new number into it.
    pub fn pass_to(&mut self, owner: u32) {
        if fs::read(&self.file).is_ok_and(|text| text == number(self.owner))
            && let Ok(mut file) = self.open()
            && file.write_all(&number(owner)).is_ok()
        {
            self.owner = owner;
        }
    }

    /// Leaves it to its owner, who outlives us.
    pub fn leave(mut self) {
        self.owner = 0;
    }
}

impl Drop for DeviceLock {
    fn drop(&mut self) {
        // Somebody may have taken it over, wrongly: theirs is not removed.
        if self.owner != 0 && fs::read(&self.file).is_ok_and(|text| text == number(self.owner)) {
            let _ = fs::remove_file(&self.file);
        }
    }
}

/// What a lock file of this process holds.
pub(crate) fn number(pid: u32) -> [u8; 11] {
    let mut text = *b"          \n";
    let mut left = pid;
    for place in text.iter_mut().rev().skip(1) {
        *place = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    text
}

fn lock_file(directory: &Path, device: &Path) -> PathBuf {
    let name = device.strip_prefix("/dev").unwrap_or(device);
    let name = name.to_string_lossy();
    let name = name.trim_start_matches('/').replace('/', "_");
    directory.join(format!("LCK..{name}"))
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    // One of an earlier process of our number.
    if let Err(error) = fs::remove_file(path)
        && error.kind() != ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(path)?;
    file.write_all(content)
}

/// Removes a lock file that is left over.
fn clear(file: &Path, device: &Path) -> Result<(), DeviceLockError> {
    let failed = |error| DeviceLockError::Io {
        file: file.to_owned(),
        error,
    };
    let in_use = |owner| {
        Err(DeviceLockError::InUse {
            device: device.to_owned(),
            file: file.to_owned(),
            owner,
        })
    };
    match owner_of(file, device).map_err(failed)? {
        Owner::Process(owner) => return in_use(Some(owner)),
        Owner::Unsaid => return in_use(None),
        Owner::Nobody => {}
    }
    // Between the look and the removal another may have done the same and taken the device: what
    // is moved away is looked at once more.
    let mut aside = file.as_os_str().to_owned();
    aside.push(format!(".stale.{}", std::process::id()));
    let aside = PathBuf::from(aside);
    match fs::rename(file, &aside) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    }
    let owner = owner_of(&aside, device).map_err(failed)?;
    if owner != Owner::Nobody {
        // Back where it was, unless a third one was quicker still.
        let _ = fs::hard_link(&aside, file);
    }
    fs::remove_file(&aside).map_err(failed)?;
    match owner {
        Owner::Process(owner) => in_use(Some(owner)),
        Owner::Unsaid => in_use(None),
        Owner::Nobody => Ok(()),
    }
}

fn owner_of(path: &Path, device: &Path) -> io::Result<Owner> {
    let file = OpenOptions::new()
        .read(true)
        // A FIFO would hold us up for ever.
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path);
    let file = match file {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Owner::Nobody),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidData, "not a regular file"));
    }
    let mut content = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut content)?;
    // One from the future counts as written now.
    let age = SystemTime::now()
        .duration_since(metadata.modified()?)
        .unwrap_or_default();
    let Some(pid) = process_number(&content) else {
        return Ok(if age < WRITING {
            Owner::Unsaid
        } else {
            Owner::Nobody
        });
    };
    Ok(if process::exists(pid) && !is_reused(pid, age, device) {
        Owner::Process(pid)
    } else {
        Owner::Nobody
    })
}

/// The number in a lock file: text as today, perhaps with words behind it, or the four octets of
/// older programs.
fn process_number(content: &[u8]) -> Option<u32> {
    let text = str::from_utf8(content).ok();
    let word = text.and_then(|text| text.split_ascii_whitespace().next());
    if let Some(pid) = word.and_then(|word| word.parse().ok()) {
        return Some(pid).filter(|&pid| pid > 0);
    }
    let octets: [u8; 4] = content.try_into().ok()?;
    u32::try_from(i32::from_ne_bytes(octets))
        .ok()
        .filter(|&pid| pid > 0)
}

/// Whether a process cannot be the one that wrote its number into a file of this age: it began
/// later, and does not have the device open.
fn is_reused(pid: u32, age: Duration, device: &Path) -> bool {
    let began = process::age(pid).is_some_and(|process| process + BLUR < age);
    began && !has_open(pid, device)
}

/// Whether a process has the device open; also when that cannot be seen.
fn has_open(pid: u32, device: &Path) -> bool {
    let Ok(wanted) = fs::metadata(device) else {
        // What is not there is not open.
        return false;
    };
    let Ok(open) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return true;
    };
    open.flatten().any(|entry| {
        fs::metadata(entry.path()).is_ok_and(|file| {
            if wanted.file_type().is_char_device() {
                file.file_type().is_char_device() && file.rdev() == wanted.rdev()
            } else {
                (file.dev(), file.ino()) == (wanted.dev(), wanted.ino())
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::process::Command;

    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("{name}.{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn file(&self) -> PathBuf {
            self.0.join("LCK..ttyS9")
        }

        /// A lock file of this content, so many seconds old.
        fn leave(&self, content: &[u8], age: u64) {
            fs::write(self.file(), content).unwrap();
            let time = SystemTime::now() - Duration::from_secs(age);
            let file = OpenOptions::new().write(true).open(self.file()).unwrap();
            file.set_modified(time).unwrap();
        }

        fn acquire(&self) -> Result<DeviceLock, DeviceLockError> {
            DeviceLock::acquire(&self.0, Path::new("/dev/ttyS9"))
        }

        fn names(&self) -> Vec<String> {
            let names = fs::read_dir(&self.0).unwrap().flatten();
            names
                .map(|entry| entry.file_name().into_string().unwrap())
                .collect()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_lock_is_written_and_removed() {
        let scratch = Scratch::new("lock-plain");
        let lock = scratch.acquire().unwrap();
        let text = fs::read_to_string(scratch.file()).unwrap();
        assert_eq!(text, format!("{:>10}\n", std::process::id()));
        assert_eq!(scratch.names(), ["LCK..ttyS9"]);
        let error = scratch.acquire().unwrap_err().to_string();
        assert!(
            error.starts_with("/dev/ttyS9 is in use by process "),
            "{error}"
        );
        assert!(DeviceLock::check(&scratch.0, Path::new("/dev/ttyS9")).is_err());
        drop(lock);
        assert_eq!(scratch.names(), [""; 0]);
        assert!(DeviceLock::check(&scratch.0, Path::new("/dev/ttyS9")).is_ok());
        // Devices in folders have their path in the name.
        let lock = DeviceLock::acquire(&scratch.0, Path::new("/dev/usb/tts/0")).unwrap();
        assert_eq!(scratch.names(), ["LCK..usb_tts_0"]);
        drop(lock);
        let gone = DeviceLock::acquire(&scratch.0.join("no"), Path::new("/dev/ttyS9"));
        assert!(matches!(gone, Err(DeviceLockError::Io { .. })), "{gone:?}");
    }

    #[test]
    fn what_the_dead_left_is_taken_over() {
        let scratch = Scratch::new("lock-dead");
        // No process has so high a number.
        scratch.leave(b"4194305\n", 0);
        drop(scratch.acquire().unwrap());
        scratch.leave(&4_194_305_i32.to_ne_bytes(), 0);
        drop(scratch.acquire().unwrap());
        for garbage in [
            &b""[..],
            b"hello\n",
            b"-1\n",
            b"0\n",
            b"\xff\xfe\xfd\xfc\xfb",
            &[b'9'; 300],
        ] {
            scratch.leave(garbage, 0);
            let error = scratch.acquire().unwrap_err().to_string();
            assert!(error.contains("being taken"), "{error}");
            scratch.leave(garbage, 60);
            drop(scratch.acquire().unwrap());
        }
        assert_eq!(scratch.names(), [""; 0]);
    }

    #[test]
    fn the_living_are_respected_and_those_with_a_reused_number_are_not() {
        let scratch = Scratch::new("lock-alive");
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let text = format!("{:>10} minicom root\n", child.id());
        scratch.leave(text.as_bytes(), 0);
        assert!(scratch.acquire().is_err());
        scratch.leave(&(child.id() as i32).to_ne_bytes(), 0);
        assert!(scratch.acquire().is_err());
        // Written an hour before the process began: by another of the same number.
        scratch.leave(text.as_bytes(), 3600);
        drop(scratch.acquire().unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
        // Unless it has the device open, as where the clock was set meanwhile.
        let device = scratch.0.join("device");
        fs::write(&device, "").unwrap();
        let open = File::open(&device).unwrap();
        let mut child = Command::new("sleep").arg("60").stdin(open).spawn().unwrap();
        let file = lock_file(&scratch.0, &device);
        fs::write(&file, number(child.id())).unwrap();
        let old = SystemTime::now() - Duration::from_secs(3600);
        let times = OpenOptions::new().write(true).open(&file).unwrap();
        times.set_modified(old).unwrap();
        assert!(DeviceLock::acquire(&scratch.0, &device).is_err());
        assert!(DeviceLock::held_by(&scratch.0, &device, child.id()).is_some());
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_child_takes_the_lock_with_it() {
        let scratch = Scratch::new("lock-child");
        let mut lock = scratch.acquire().unwrap();
        let mut command = Command::new("sh");
        command
            .arg("-c")
            .arg(format!("cat {}", scratch.file().display()));
        command.stdout(std::process::Stdio::piped());
        process::in_own_group(&mut command, Some(lock.open().unwrap()));
        let child = command.spawn().unwrap();
        let pid = child.id();
        lock.given_to(pid);
        let output = child.wait_with_output().unwrap();
        // It was there before the command began.
        assert_eq!(output.stdout, number(pid));
        let me = std::process::id();
        lock.pass_to(me);
        assert_eq!(fs::read(scratch.file()).unwrap(), number(me));
        fs::write(scratch.file(), number(1)).unwrap();
        lock.pass_to(pid);
        assert_eq!(fs::read(scratch.file()).unwrap(), number(1), "another's");
        fs::write(scratch.file(), number(me)).unwrap();
        drop(lock);
        assert_eq!(scratch.names(), [""; 0]);
    }

    #[test]
    fn numbers_fill_ten_columns() {
        assert_eq!(&number(1), b"         1\n");
        assert_eq!(&number(0), b"         0\n");
        assert_eq!(&number(u32::MAX), b"4294967295\n");
    }
}
