#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    wanbox_net_services::remote::fuzz_remote(octets);
    wanbox_net_services::fuzz_destination(octets);
});
