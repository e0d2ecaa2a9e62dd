//! A provider: what is asked of it, and its files.

use std::path::PathBuf;

use wanbox_runtime::files::{self, FileError, Root};

use crate::property::{PROPERTIES, local_remote, number, property_of};
use crate::quote;

/// The first line of the files made here. One without the word is somebody else's.
const MARK: &str = "# Made by pppconfig";
/// The longest file, octets.
const LIMIT: u64 = 1 << 20;
/// Modes: of what names a provider, and of what holds passwords.
const PEER: u32 = 0o640;
const SECRET: u32 = 0o600;

/// A provider and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// Its name: `pppd call NAME`.
    pub name: String,
    values: Vec<(&'static str, String)>,
    /// A new password; `None` leaves the one that is there.
    pub password: Option<String>,
    /// The login and the remote name that the secrets are under now, and in which file.
    entry: Option<(&'static str, String, String)>,
    /// The password in the chat script.
    spoken: Option<String>,
    /// Lines of the peers file that are not made here.
    others: Vec<String>,
}

/// Checks the name of a provider: files are named after it.
pub fn check_name(name: &str) -> Result<(), String> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
    if (1..=40).contains(&name.len()) && name.bytes().all(legal) && !name.starts_with(['.', '-']) {
        Ok(())
    } else {
        Err(format!(
            "'{name}' is not the name of a provider (1 to 40 letters, digits, '_', '-', '.')"
        ))
    }
}

fn peers(root: &Root, name: &str) -> PathBuf {
    root.path("/etc/ppp/peers").join(name)
}

fn chat_script(root: &Root, name: &str) -> PathBuf {
    root.path("/etc/chatscripts").join(name)
}

fn resolv(root: &Root, name: &str) -> PathBuf {
    root.path("/etc/ppp/resolv").join(name)
}

fn secrets(root: &Root, file: &str) -> PathBuf {
    root.path("/etc/ppp").join(file)
}

/// The file of secrets of a method; `None`: in the chat script.
fn secrets_of(method: &str) -> Option<&'static str> {
    match method {
        "PAP" => Some("pap-secrets"),
        "CHAP" => Some("chap-secrets"),
        _ => None,
    }
}

fn read(path: &std::path::Path) -> Result<String, FileError> {
    match files::read_text(path, LIMIT) {
        Err(error) if error.is_absent() => Ok(String::new()),
        result => result,
    }
}

/// The providers that were made here.
pub fn list(root: &Root) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(root.path("/etc/ppp/peers")) else {
        return Vec::new();
    };
    let ours = |name: &String| {
        check_name(name).is_ok()
            && !name.ends_with(".bak")
            && read(&peers(root, name)).is_ok_and(|text| is_ours(&text))
    };
    let names = entries.filter_map(|e| e.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(ours).collect();
    names.sort();
    names
}

fn is_ours(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    first.to_ascii_lowercase().contains("pppconfig")
}

impl Provider {
    /// One with the defaults.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            values: Vec::new(),
            password: None,
            entry: None,
            spoken: None,
            others: Vec::new(),
        }
    }

    /// Reads a provider's files; `None` when there are none.
    ///
    /// # Errors
    /// They cannot be read, or were not made here.
    pub fn load(root: &Root, name: &str) -> Result<Option<Self>, String> {
        let path = peers(root, name);
        let text = match files::read_text(&path, LIMIT) {
            Err(error) if error.is_absent() => return Ok(None),
            result => result.map_err(|error| error.to_string())?,
        };
        if !is_ours(&text) {
            let path = path.display();
            return Err(format!(
                "{path} was not made by pppconfig (its first line would say so) and is left alone"
            ));
        }
        let mut provider = Self::new(name);
        let absent = [("DNS", "NONE"), ("DEFAULTROUTE", "NO"), ("DEBUG", "NO")];
        for (key, value) in absent {
            provider.put(key, value);
        }
        provider.read_peers(&text);
        let servers = read(&resolv(root, name)).map_err(|error| error.to_string())?;
        let servers: Vec<&str> = servers
            .lines()
            .filter_map(|line| line.strip_prefix("nameserver"))
            .map(str::trim)
            .collect();
        if !servers.is_empty() {
            provider.put("DNS", &servers.join(" "));
        }
        let script = read(&chat_script(root, name)).map_err(|error| error.to_string())?;
        provider.read_script(&script);
        if let Some(file) = secrets_of(&provider.get("METHOD")) {
            provider.entry = Some((file, provider.get("USER"), provider.get("REMOTENAME")));
        }
        Ok(Some(provider))
    }

    fn read_peers(&mut self, text: &str) {
        for line in text.lines() {
            let Some(words) = quote::pppd_words(line) else {
                self.others.push(line.to_owned());
                continue;
            };
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            match words[..] {
                [] if line.starts_with(MARK) => {}
                ["hide-password" | "noauth"] | ["connect" | "ipparam", _] => {}
                ["debug"] => self.put("DEBUG", "YES"),
                ["defaultroute"] => self.put("DEFAULTROUTE", "YES"),
                ["noipdefault"] => self.put("IPDEFAULT", "PEER"),
                ["usepeerdns"] => self.put("DNS", "PEER"),
                ["demand"] => self.put("DEMAND", "YES"),
                ["persist"] => self.put("PERSIST", "YES"),
                ["idle", seconds] => self.put("IDLE", seconds),
                ["user", user] => self.put("USER", user),
                ["remotename", name] if name != self.name => self.put("REMOTENAME", name),
                ["remotename", _] => {}
                [speed] if number(speed, 50, 4_000_000) => self.put("SPEED", speed),
                [device] if device.starts_with("/dev/") => self.put("PORT", device),
                [addresses] if local_remote(addresses) => self.put("IPDEFAULT", addresses),
                _ => self.others.push(line.to_owned()),
            }
        }
    }

    fn read_script(&mut self, text: &str) {
        let mut tag = "";
        for line in text.lines() {
            if let Some(comment) = line.strip_prefix("# ") {
                tag = comment.split(' ').next().unwrap_or_default();
                if let Some(method) = comment.strip_prefix("ispauth ") {
                    self.put("METHOD", method);
                }
                continue;
            }
            let mut words = line.split_whitespace();
            let (first, second) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
            let text = |word| quote::chat_text(word).unwrap_or_default();
            match tag {
                "modeminit" => self.put("MODEMINIT", &text(second)),
                "ispnumber" => {
                    let number = text(second);
                    self.put("NUMBER", number.strip_prefix("ATDT").unwrap_or(&number));
                }
                "ispconnect" => self.put("CONNECT", &text(first)),
                "ispname" if !first.is_empty() => self.put("LOGINPROMPT", &text(first)),
                "isppassword" if !first.is_empty() => {
                    self.put("PASSWORDPROMPT", &text(first));
                    self.spoken = Some(text(second.strip_prefix("\\q").unwrap_or(second)));
                }
                _ => {}
            }
        }
    }

    fn put(&mut self, key: &'static str, value: &str) {
        match self.values.iter_mut().find(|(k, _)| *k == key) {
            Some((_, old)) => value.clone_into(old),
            None => self.values.push((key, value.to_owned())),
        }
    }

    /// The value of a property: its own or its default.
    pub fn get(&self, key: &str) -> String {
        let given = self.values.iter().find(|(k, _)| *k == key);
        match given {
            Some((_, value)) => value.clone(),
            None if key == "REMOTENAME" => self.name.clone(),
            None => property_of(key).map_or_else(String::new, |p| p.default.to_owned()),
        }
    }

    /// Gives a property a value.
    ///
    /// # Errors
    /// There is none of this name, or it cannot have this value; says what is allowed.
    pub fn set(&mut self, key: &str, text: &str) -> Result<(), String> {
        let property = property_of(key).ok_or_else(|| {
            let keys: Vec<&str> = PROPERTIES.iter().map(|p| p.key).collect();
            format!("'{key}' is not one of {}", keys.join(", "))
        })?;
        let value = property
            .read(text)
            .map_err(|why| format!("{}: {why}", property.key))?;
        self.put(property.key, &value);
        Ok(())
    }

    /// What is missing before this can be written.
    pub fn missing(&self, root: &Root) -> Result<(), String> {
        for key in ["NUMBER", "USER"] {
            if self.get(key).is_empty() {
                return Err(format!(
                    "{key} is missing: {}",
                    property_of(key).map_or("", |p| p.meaning)
                ));
            }
        }
        match self.known_password(root)? {
            Some(password) => check_password(&password),
            None => Err("the password is missing".to_owned()),
        }
    }

    /// The password: the new one, or the one in the files.
    fn known_password(&self, root: &Root) -> Result<Option<String>, String> {
        if self.password.is_some() {
            return Ok(self.password.clone());
        }
        let Some((file, user, remote)) = &self.entry else {
            return Ok(self.spoken.clone());
        };
        let text = read(&secrets(root, file)).map_err(|error| error.to_string())?;
        let entry = text
            .lines()
            .filter_map(quote::pppd_words)
            .find(|words| is_entry(words, user, remote));
        Ok(entry.and_then(|words| words.get(2).cloned()))
    }

    /// Writes everything of this provider. Returns the files.
    ///
    /// # Errors
    /// Something is missing, or a file cannot be written.
    pub fn save(&self, root: &Root) -> Result<Vec<PathBuf>, String> {
        self.missing(root)?;
        let password = self.known_password(root)?.unwrap_or_default();
        let now = secrets_of(&self.get("METHOD"));
        let script = self.script(if now.is_none() { &password } else { "" });
        let mut written = Vec::new();
        let mut write = |path: PathBuf, text: &str, mode: u32| -> Result<(), String> {
            if read(&path).is_ok_and(|old| old == text) {
                return Ok(());
            }
            path.parent()
                .map_or(Ok(()), files::make_dir)
                .and_then(|()| files::rewrite(&path, text.as_bytes(), mode, mode))
                .map_err(|error| error.to_string())?;
            written.push(path);
            Ok(())
        };
        // What was known under another name or in another file goes, then the new one comes.
        for file in ["pap-secrets", "chap-secrets"] {
            let path = secrets(root, file);
            let old = read(&path).map_err(|error| error.to_string())?;
            let mut text = old.clone();
            if let Some((known, user, remote)) = &self.entry
                && *known == file
                && (now != Some(file)
                    || *user != self.get("USER")
                    || *remote != self.get("REMOTENAME"))
            {
                text = without_entry(&text, user, remote);
            }
            if now == Some(file) {
                text = with_entry(&text, &self.get("USER"), &self.get("REMOTENAME"), &password);
            }
            if text != old {
                write(path, &text, SECRET)?;
            }
        }
        write(chat_script(root, &self.name), &script, PEER)?;
        write(peers(root, &self.name), &self.options(), PEER)?;
        let servers = self.get("DNS");
        let path = resolv(root, &self.name);
        if matches!(servers.as_str(), "PEER" | "NONE") {
            files::retire(&path).map_err(|error| error.to_string())?;
        } else {
            let lines = servers
                .split_whitespace()
                .map(|s| format!("nameserver {s}\n"));
            write(path, &lines.collect::<String>(), 0o644)?;
        }
        Ok(written)
    }

    /// The file for pppd.
    fn options(&self) -> String {
        let name = &self.name;
        let yes = |key: &str| self.get(key) == "YES";
        let mut lines = vec![
            format!("{MARK}: pppd call {name}"),
            "hide-password".to_owned(),
            "noauth".to_owned(),
            format!("connect \"/usr/sbin/chat -v -f /etc/chatscripts/{name}\""),
            self.get("PORT"),
            self.get("SPEED"),
            format!("user {}", quote::pppd(&self.get("USER"))),
            format!("remotename {}", quote::pppd(&self.get("REMOTENAME"))),
            format!("ipparam {name}"),
        ];
        match self.get("IPDEFAULT").as_str() {
            "PEER" => lines.push("noipdefault".to_owned()),
            addresses => lines.push(addresses.to_owned()),
        }
        let switches = [
            ("debug", yes("DEBUG")),
            ("defaultroute", yes("DEFAULTROUTE")),
            ("usepeerdns", self.get("DNS") == "PEER"),
            ("demand", yes("DEMAND")),
            ("persist", yes("PERSIST")),
        ];
        let on = switches.iter().filter(|(_, on)| *on);
        lines.extend(on.map(|(word, _)| (*word).to_owned()));
        if self.get("IDLE") != "0" {
            lines.push(format!("idle {}", self.get("IDLE")));
        }
        lines.extend(self.others.iter().cloned());
        lines.join("\n") + "\n"
    }

    /// The chat script. Tags name its parts in a fixed order; a password in it is not logged.
    fn script(&self, password: &str) -> String {
        const ABORTS: [&str; 6] = [
            "BUSY",
            "NO CARRIER",
            "VOICE",
            "NO DIALTONE",
            "NO DIAL TONE",
            "NO ANSWER",
        ];
        let value = |key: &str| quote::chat(&self.get(key));
        let aborts: Vec<String> = ABORTS
            .iter()
            .map(|text| format!("ABORT {}", quote::chat(text)))
            .collect();
        let method = self.get("METHOD");
        let (connected, login) = if method == "CHAT" {
            let login = format!(
                "# ispname\n{} {}\n# isppassword\n{} \\q{}\n",
                value("LOGINPROMPT"),
                value("USER"),
                value("PASSWORDPROMPT"),
                quote::chat(password)
            );
            ("''", login)
        } else {
            ("\\d\\c", "# ispname\n# isppassword\n".to_owned())
        };
        format!(
            "{MARK}, which reads the comments again\n# ispauth {method}\n# abortstring\n{}\n\
             # modeminit\n'' {}\n# ispnumber\nOK-AT-OK {}\n# ispconnect\n{} {connected}\n\
             # prelogin\n{login}# postlogin\n'' \\d\\c\n",
            aborts.join(" "),
            value("MODEMINIT"),
            quote::chat(&format!("ATDT{}", self.get("NUMBER"))),
            value("CONNECT"),
        )
    }

    /// Takes the provider away. Returns the files that went or changed.
    ///
    /// # Errors
    /// A file cannot be changed.
    pub fn delete(self, root: &Root) -> Result<Vec<PathBuf>, FileError> {
        let mut gone = Vec::new();
        if let Some((file, user, remote)) = &self.entry {
            let path = secrets(root, file);
            let old = read(&path)?;
            let text = without_entry(&old, user, remote);
            if text != old {
                files::rewrite(&path, text.as_bytes(), SECRET, SECRET)?;
                gone.push(path);
            }
        }
        let name = &self.name;
        for path in [
            peers(root, name),
            chat_script(root, name),
            resolv(root, name),
        ] {
            if path.exists() {
                files::retire(&path)?;
                gone.push(path);
            }
        }
        Ok(gone)
    }
}

/// Refuses a password that pppd would not take for one.
pub fn check_password(password: &str) -> Result<(), String> {
    quote::check(password).map_err(|why| format!("the password: {why}"))?;
    if password.starts_with('@') {
        return Err("the password: pppd takes one that begins with '@' for a file".to_owned());
    }
    Ok(())
}

fn is_entry(words: &[String], user: &str, remote: &str) -> bool {
    words.first().is_some_and(|w| w == user) && words.get(1).is_some_and(|w| w == remote)
}

fn lines_without(text: &str, user: &str, remote: &str) -> Vec<String> {
    let other =
        |line: &&str| quote::pppd_words(line).is_none_or(|words| !is_entry(&words, user, remote));
    text.split_inclusive('\n')
        .filter(other)
        .map(str::to_owned)
        .collect()
}

/// The secrets without one entry; every other line stays.
fn without_entry(text: &str, user: &str, remote: &str) -> String {
    lines_without(text, user, remote).concat()
}

/// The secrets with one entry, in its place when it was there.
fn with_entry(text: &str, user: &str, remote: &str, password: &str) -> String {
    let is =
        |line: &str| quote::pppd_words(line).is_some_and(|words| is_entry(&words, user, remote));
    let new = [user, remote, password].map(quote::pppd).join(" ") + "\n";
    let same = |line: &str| quote::pppd_words(line).and_then(|w| w.get(2).cloned());
    let at = text.split_inclusive('\n').position(is);
    // One that says this already keeps its spelling and whatever follows.
    if let Some(line) = at.and_then(|at| text.split_inclusive('\n').nth(at))
        && same(line).as_deref() == Some(password)
    {
        return text.to_owned();
    }
    let mut lines = lines_without(text, user, remote);
    if let Some(last) = lines.last_mut().filter(|line| !line.ends_with('\n')) {
        last.push('\n');
    }
    lines.insert(at.unwrap_or(lines.len()).min(lines.len()), new);
    lines.concat()
}

#[cfg(test)]
pub mod tests;
