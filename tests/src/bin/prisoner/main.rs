//! What a compiler that was taken over might do: system calls that a shell has no words for. Started inside the
//! jail by the tests, as `prisoner FAMILY`; it says of every call whether it was refused, and then `kept` if all
//! were. A few families have no end but the one that the jail makes.

mod calls;
mod floods;

fn main() {
    let mut words = std::env::args().skip(1);
    let family = words.next().unwrap_or_default();
    match family.as_str() {
        "files-held" => floods::hold_nameless_files(false),
        "files-mapped" => floods::hold_nameless_files(true),
        "files-many" => floods::make_files(0),
        "files-large" => floods::make_files(1 << 20),
        "files-in-hidden-folder" => floods::hide_files(),
        "folders-deep" => floods::nest_folders(),
        "memory-of-many" => floods::share_out_memory(),
        "threads" => floods::start_threads(),
        "sockets-many" => floods::hold_sockets(),
        "zombies" => floods::leave_zombies(),
        "says-setup-failed" => {
            eprintln!("the jail could not be set up");
            std::process::exit(125);
        }
        // All numbers but those that are given.
        "every-other-call" => calls::tell(calls::every_other_call(&words.next().unwrap_or_default())),
        family => calls::tell(calls::attempts(family)),
    }
}
