#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_link::ppp::fuzz::fuzz_ppp_session(
    std::time::Instant::now(),
    octets
));
