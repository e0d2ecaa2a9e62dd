use std::process::Command;

use super::*;

/// Made by glibc's crypt(3).
#[rustfmt::skip]
const VECTORS: &[(&str, &str)] = &[
    ("", "{crypt}Sa8md6r.Q3opE"),
    ("", "$1$$qRPK7m23GJusamGpoGLby/"),
    ("", "$5$$3c2QQ0KjIU1OLtB29cl8Fplc2WN7X89bnoEjaR7tWu."),
    ("a", "{crypt}BmTJ/AtqZeCws"),
    ("a", "$1$s$TnTS2d.76xCjLeeIhMx3L0"),
    ("a", "$5$rounds=1400$s12345678$q.Cx0A.EvExs6CFuHco28eg7tlSlBCsjmxjyjqhSU80"),
    ("secret", "{crypt}xHLfQ5yTJjV3Q"),
    ("secret", "$1$saltsalt$9xy1btjgzLYfb7hivXtC//"),
    ("secret", "$5$saltsalt$0IyaXrmV7.sGNS6tirgqHLqX/G.FBvgkYA.lpPdS5sA"),
    ("joe's password", "{crypt}96yX8pv3kwE0M"),
    ("joe's password", "$1$abc.DEF/$LBW2Qkuj8MsYr0DKbB0Bv1"),
    ("joe's password", "$5$rounds=1400$abc.DEF/12345678$OETsokgxnGeoeyE2Znklj9jPbDMP/cL8e1whBy5G/O9"),
    ("exactly8", "{crypt}0nZ6NhqqVsNb6"),
    ("exactly8", "$1$$NlEuLi8tVjRjyQZl/r1kk1"),
    ("exactly8", "$5$$JKIeaii/pCBoB7jElJsz284P0HADW3ZRudy6fKMVdr6"),
    ("ninechars", "{crypt}Z5.m5tmQiC1ng"),
    ("ninechars", "$1$s$5O1.LC8pui8zmQx/QNf/I0"),
    ("ninechars", "$5$rounds=1400$s12345678$zWIXX.BryuplSjpu2GrSf4pjA6RkPDC54JIp2qlciU2"),
    ("pässwörd", "{crypt}Qi/g1lWglgJH6"),
    ("pässwörd", "$1$saltsalt$VReRfkQ8Hs1aayf/oxMkG/"),
    ("pässwörd", "$5$saltsalt$JUyX9J5pA1EE4ZvGcIA.vpwPCUQ8GlJbo51r7M84au8"),
    ("xxxxxxxxxxxxxxxx", "{crypt}XKZyEtXECgRWM"),
    ("xxxxxxxxxxxxxxxx", "$1$abc.DEF/$KdaySM6XolONu0jBRxb8y0"),
    ("xxxxxxxxxxxxxxxx", "$5$rounds=1400$abc.DEF/12345678$.dUISDdQe117JnYwtMkFYAdR3/matTTksM20gnscgv1"),
    ("yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy", "{crypt}BVawV.2/QAD4k"),
    ("yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy", "$1$$Khn4Zxj2sTznX.RAPwIzl."),
    ("yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy", "$5$$3of9BnHK3/fQlW5FpbmUgGbD10yXWCUvLCyjQlPOEa5"),
    ("zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", "{crypt}P1Y22ICX.I712"),
    ("zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", "$1$s$rlkHlqMGEM2waZRvxmYmB."),
    ("zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", "$5$rounds=1400$s12345678$EWQd/ZEncl77b9MNxDHShE4dRvS6/f0h3SEHCN8i9D0"),
    ("The quick brown fox jumps over 13 lazy dogs", "{crypt}VWBR5ab0wyHjs"),
    ("The quick brown fox jumps over 13 lazy dogs", "$1$saltsalt$WOZLk5jjEz1uHDYvpl.FN1"),
    ("The quick brown fox jumps over 13 lazy dogs", "$5$saltsalt$5gPNlwWfV3hHjLw4sgXMd0iHdTCKtpsXbN85iHvNR.0"),
];

#[test]
fn as_glibc_has_it() {
    for (password, stored) in VECTORS {
        let read = Password::parse(stored).unwrap();
        assert!(read.is(password), "{password}: {stored}");
        // For DES, nothing behind the eighth octet counts.
        assert!(!read.is(format!("?{password}")), "{password}: {stored}");
    }
    assert!(
        Password::parse("{crypt}0nZ6NhqqVsNb6")
            .unwrap()
            .is("exactly8 and more")
    );
}

/// OpenSSL's own idea of passwords that nobody wrote down here.
#[test]
fn as_openssl_has_it() {
    for (option, password, salt) in [
        ("-1", "correct horse battery staple", "Zx9"),
        ("-1", "0123456789abcdef", "........"),
        ("-5", "correct horse battery staple", "Zx9"),
        (
            "-5",
            "0123456789abcdef0123456789abcdef0",
            "0123456789abcdef",
        ),
    ] {
        let made = Command::new("openssl")
            .args(["passwd", option, "-salt", salt, password])
            .output();
        let Ok(made) = made else {
            // The vectors above say the same.
            return;
        };
        let stored = String::from_utf8(made.stdout).unwrap();
        let read = Password::parse(stored.trim()).unwrap();
        assert!(read.is(password) && !read.is("something else"), "{stored}");
    }
}

#[test]
fn plain_passwords() {
    let read = Password::parse("s3cret: $1$").unwrap();
    assert!(read.is("s3cret: $1$") && !read.is("s3cret") && !read.is(""));
    let long = "x".repeat(MAX_PASSWORD + 1);
    assert!(!Password::parse(&long).unwrap().is(&long));
    assert_eq!(format!("{read:?}"), "a plain password");
}

#[test]
fn damaged_ones_are_refused() {
    for (stored, word) in [
        ("", "empty"),
        ("$1$abc", "22 characters"),
        (
            "$1$123456789$9xy1btjgzLYfb7hivXtC//",
            "8 characters of salt",
        ),
        ("$1$a$9xy1btjgzLYfb7hivXtC//x", "22 characters"),
        ("$1$a$9xy1btjgzLYfb7hivXtC/!", "22 characters"),
        ("$5$rounds=999999999$a$b", "200000"),
        ("$5$rounds=1$a$b", "1000"),
        ("$5$a$b", "43 characters"),
        ("$6$salt$hash", "only $1$"),
        ("{crypt}ab", "13 characters"),
        ("{crypt}ab\u{e4}\u{e4}34567890", "13 characters"),
    ] {
        let error = Password::parse(stored).unwrap_err();
        assert!(error.contains(word), "{stored}: {error}");
    }
}
