#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_link::ppp::auth::fuzz_auth(
    std::time::Instant::now(),
    octets
));
