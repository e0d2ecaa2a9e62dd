//! What a file grants, and what is wrong in one.

use wanbox_link::ppp::auth::Method;

use super::*;

fn read(text: &str) -> (Subscribers, Vec<String>) {
    let mut diagnostics = Diagnostics::new("subscribers");
    let all = Subscribers::parse(text, &mut diagnostics);
    (all, diagnostics.iter().map(ToString::to_string).collect())
}

fn pap(name: &str, password: &str) -> Claim {
    Claim {
        name: name.as_bytes().into(),
        proof: Proof::Pap {
            password: password.as_bytes().into(),
        },
    }
}

#[test]
fn a_user_gets_what_the_line_says() {
    let (all, wrong) = read(
        "# comment\n\n  joe 'two words' address=10.0.0.5 route=10.1.0.0/24 route=10.2.0.0/16 \
         rate-in=2000 rate-out=10000 filter-in=web filter-out=out dns=10.0.0.53 dns=10.0.1.53 \
         address6=2001:db8::5 prefix6=2001:db8:1::/64 delegated=2001:db8:77::/48 \
         route6=2001:db8:8::/47 dns6=2001:db8::53 session-timeout=1h idle-timeout=300 links=2\n\
         ann secret\n",
    );
    assert_eq!(wrong, [""; 0]);
    assert_eq!(all.len(), 2);
    let (verdict, granted) = all.judge(&pap("joe", "two words")).unwrap();
    assert_eq!(verdict.outcome, Outcome::Accepted);
    assert_eq!(granted.address, FramedAddress::Static([10, 0, 0, 5].into()));
    assert_eq!(
        granted.routes,
        [
            Route4::new([10, 1, 0, 0].into(), 24),
            Route4::new([10, 2, 0, 0].into(), 16)
        ]
    );
    assert_eq!(
        (granted.rate_in, granted.rate_out),
        (Some(2000), Some(10_000))
    );
    assert_eq!(granted.filter_in.as_deref(), Some("web"));
    assert_eq!(granted.filter_out.as_deref(), Some("out"));
    assert_eq!(granted.dns[1], Some([10, 0, 1, 53].into()));
    assert_eq!(granted.delegated[0].length, 48);
    assert_eq!(granted.routes6[0].length, 47);
    assert_eq!(granted.session_timeout, Some(3600));
    assert_eq!(granted.idle_timeout, Some(300));
    assert_eq!(granted.port_limit, Some(2));
    assert!(!granted.by_server);
    let (verdict, granted) = all.judge(&pap("ann", "secret")).unwrap();
    assert_eq!(verdict.outcome, Outcome::Accepted);
    assert_eq!(granted, Authorization::default());
}

#[test]
fn wrong_secrets_and_strangers() {
    let (all, _) = read("joe Sesame\n");
    let (verdict, _) = all.judge(&pap("joe", "sesame")).unwrap();
    assert_eq!(verdict.outcome, Outcome::WrongSecret);
    assert!(all.judge(&pap("Joe", "Sesame")).is_none());
    assert!(all.judge(&pap("", "Sesame")).is_none());
    assert!(!all.is_empty());
    assert!(!format!("{all:?}").contains("Sesame"));
}

#[test]
fn a_domain_goes_before_the_name_with_ms_chap_v2_only() {
    let (all, _) = read("joe secret\n");
    let proof = Proof::MsChapV2 {
        identifier: 1,
        challenge: [1; 16],
        peer_challenge: [2; 16],
        response: [0; 24],
    };
    let claim = Claim {
        name: b"ISP\\joe".as_slice().into(),
        proof,
    };
    let (verdict, _) = all.judge(&claim).unwrap();
    assert_eq!(verdict.outcome, Outcome::WrongSecret);
    assert!(all.judge(&pap("ISP\\joe", "secret")).is_none());
    assert_eq!(Method::MsChapV2.to_string(), "MS-CHAPv2");
}

#[test]
fn stored_forms_judge_passwords_alone() {
    let (all, wrong) = read(
        "joe $1$Zx9$fMbSGaoujK2gH3B4Ir6Hi1\n\
         ann {crypt}xHLfQ5yTJjV3Q\n\
         bob $5$a$b\n",
    );
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    assert!(wrong[0].contains("43 characters"), "{wrong:?}");
    assert!(all.judge(&pap("bob", "b")).is_none());
    for (user, right) in [("joe", "two words"), ("ann", "secret")] {
        for (password, outcome) in [(right, Outcome::Accepted), ("?", Outcome::WrongSecret)] {
            let (verdict, _) = all.judge(&pap(user, password)).unwrap();
            assert_eq!(verdict.outcome, outcome);
        }
        let claim = Claim {
            name: user.as_bytes().into(),
            proof: Proof::ChapMd5 {
                identifier: 1,
                challenge: [0; 16],
                response: [0; 16],
            },
        };
        let (verdict, _) = all.judge(&claim).unwrap();
        assert_eq!(verdict.outcome, Outcome::Refused);
    }
}

#[test]
fn everything_wrong_is_said_with_its_line() {
    let (all, wrong) = read(
        "joe\n\
         joe secret addres=10.0.0.1 rate-in=fast\n\
         ann secret address=0.0.0.0\n\
         bob secret route=10.1.0.1/24 route6=2001:db8::/129 delegated=10.0.0.0/8\n\
         eve \"open\n\
         max secret dns=10.0.0.1 dns=10.0.0.2 dns=10.0.0.3\n\
         kim secret session-timeout=0 filter-in= links=0\n\
         tom secret\n\
         tom other\n",
    );
    assert_eq!(all.len(), 1);
    let lines: Vec<_> = wrong
        .iter()
        .map(|text| text.split(':').nth(1).unwrap().to_owned())
        .collect();
    assert_eq!(
        lines,
        [
            "1", "2", "2", "3", "4", "4", "4", "5", "6", "7", "7", "7", "9"
        ]
    );
    assert_eq!(
        wrong[2],
        "subscribers:2: rate-in: 'fast' is no such number; allowed: 0 to 100000000 kbit/s"
    );
    assert_eq!(
        wrong[4],
        "subscribers:4: route: 10.1.0.1/24 has bits behind its length; allowed: 10.1.0.0/24"
    );
    assert_eq!(
        wrong[12],
        "subscribers:9: user 'tom' is there already, in line 8; allowed: each user once"
    );
}

proptest::proptest! {
    #[test]
    fn any_text(text in "([a-z]{1,3} [a-z'\"\\\\$1]{0,4}( (route|dns|rate-in|address6)=[0-9a-f:./]{0,12}){0,3}\n){0,5}") {
        fuzz_subscribers(text.as_bytes());
    }

    #[test]
    fn any_octets(octets in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        fuzz_subscribers(&octets);
    }
}
