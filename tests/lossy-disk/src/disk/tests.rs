use std::collections::BTreeSet;

use super::*;

const SEEDS: std::ops::Range<u64> = 0..200;
const PAGE: u64 = PAGE_BYTES as u64;
const OWNER: Owner = Owner {
    user: 0,
    group: 0,
    permissions: 0o644,
};

fn empty() -> Disk {
    Disk::new(64 << 20, OWNER)
}

fn name(text: &str) -> &OsStr {
    OsStr::new(text)
}

fn file(disk: &mut Disk, directory: InodeId, text: &str) -> InodeId {
    disk.create(directory, name(text), Kind::file(), OWNER)
        .unwrap()
}

fn directory(disk: &mut Disk, parent: InodeId, text: &str) -> InodeId {
    disk.create(parent, name(text), Kind::directory(parent), OWNER)
        .unwrap()
}

/// What a path leads to, if to anything.
fn find(disk: &Disk, path: &[&str]) -> Option<InodeId> {
    path.iter()
        .try_fold(ROOT, |id, part| disk.lookup(id, name(part)).ok())
}

fn all(disk: &Disk, id: InodeId) -> Vec<u8> {
    disk.read(id, 0, usize::MAX).unwrap()
}

/// Everything that losses leave, each of the same disk.
fn outcomes<T: Ord>(make: impl Fn() -> Disk, see: impl Fn(&Disk) -> T) -> BTreeSet<T> {
    let outcome = |seed| {
        let mut disk = make();
        disk.lose(seed);
        see(&disk)
    };
    SEEDS.map(outcome).collect()
}

/// Page for page, what a file of whole pages begins and ends with.
fn ends(octets: &[u8]) -> Vec<(u8, u8)> {
    let page = |page: &[u8]| (page[0], page[page.len() - 1]);
    octets.chunks(PAGE_BYTES).map(page).collect()
}

#[test]
fn what_was_synced_survives() {
    for seed in SEEDS {
        let mut disk = empty();
        let inside = directory(&mut disk, ROOT, "d");
        let id = file(&mut disk, inside, "f");
        disk.write(id, 10, &[7; 9000]).unwrap();
        disk.sync_file(id).unwrap();
        disk.sync_directory(inside).unwrap();
        disk.sync_directory(ROOT).unwrap();
        assert_eq!(disk.lose(seed), Loss::default());
        assert_eq!(find(&disk, &["d", "f"]), Some(id));
        let expected = [vec![0; 10], vec![7; 9000]].concat();
        assert_eq!(all(&disk, id), expected);
    }
}

#[test]
fn pages_are_kept_lost_or_torn_each_by_itself() {
    let make = || {
        let mut disk = empty();
        let id = file(&mut disk, ROOT, "f");
        disk.write(id, 0, &[1; 2 * PAGE_BYTES]).unwrap();
        disk.sync();
        disk.write(id, 0, &[2; 2 * PAGE_BYTES]).unwrap();
        disk
    };
    let seen = outcomes(make, |disk| ends(&all(disk, find(disk, &["f"]).unwrap())));
    let fates = [(1, 1), (2, 2), (2, 1)];
    let pairs = fates
        .iter()
        .flat_map(|first| fates.map(|second| vec![*first, second]));
    assert_eq!(seen, pairs.collect());
}

#[test]
fn a_page_is_torn_between_sectors() {
    let make = || {
        let mut disk = empty();
        let id = file(&mut disk, ROOT, "f");
        disk.write(id, 0, &[1; PAGE_BYTES]).unwrap();
        disk.sync();
        disk.write(id, 0, &[2; PAGE_BYTES]).unwrap();
        disk
    };
    let seen = outcomes(make, |disk| {
        let octets = all(disk, find(disk, &["f"]).unwrap());
        let new = octets.partition_point(|octet| *octet == 2);
        assert!(octets[new..].iter().all(|octet| *octet == 1));
        new
    });
    assert_eq!(seen, (0..=PAGE_BYTES).step_by(SECTOR_BYTES).collect());
}

#[test]
fn the_size_is_old_or_new_or_between() {
    let make = || {
        let mut disk = empty();
        let id = file(&mut disk, ROOT, "f");
        disk.write(id, 0, &[1; 100]).unwrap();
        disk.sync();
        disk.write(id, 100, &[2; 2 * PAGE_BYTES]).unwrap();
        disk
    };
    let seen = outcomes(make, |disk| {
        let octets = all(disk, find(disk, &["f"]).unwrap());
        assert_eq!(octets[..100], [1; 100]);
        assert!(octets[100..].iter().all(|octet| [0, 2].contains(octet)));
        octets.len()
    });
    assert_eq!(seen.first(), Some(&100));
    assert_eq!(seen.last(), Some(&(100 + 2 * PAGE_BYTES)));
    assert!(seen.len() > 2);
}

#[test]
fn a_cut_is_kept_or_not_and_shows_nothing_of_before() {
    let make = || {
        let mut disk = empty();
        let id = file(&mut disk, ROOT, "f");
        disk.write(id, 0, &[1; 3 * PAGE_BYTES]).unwrap();
        disk.sync();
        disk.resize(id, 10).unwrap();
        disk
    };
    let seen = outcomes(make, |disk| {
        let octets = all(disk, find(disk, &["f"]).unwrap());
        // Behind the first page it is as it was.
        assert!(octets.iter().skip(PAGE_BYTES).all(|octet| *octet == 1));
        octets.len()
    });
    assert!(seen.contains(&10) && seen.contains(&(3 * PAGE_BYTES)));

    let mut disk = make();
    let id = find(&disk, &["f"]).unwrap();
    disk.resize(id, 2 * PAGE).unwrap();
    let expected = [vec![1; 10], vec![0; 2 * PAGE_BYTES - 10]].concat();
    assert_eq!(all(&disk, id), expected);
}

#[test]
fn a_name_needs_a_sync_of_its_directory_whatever_was_synced_of_the_file() {
    let make = || {
        let mut disk = empty();
        let id = file(&mut disk, ROOT, "f");
        disk.write(id, 0, b"durable").unwrap();
        disk.sync_file(id).unwrap();
        disk
    };
    let seen = outcomes(make, |disk| find(disk, &["f"]).map(|id| all(disk, id)));
    assert_eq!(seen, [None, Some(b"durable".to_vec())].into());
}

#[test]
fn a_synced_directory_is_gone_with_its_own_name() {
    let make = || {
        let mut disk = empty();
        let inside = directory(&mut disk, ROOT, "d");
        file(&mut disk, inside, "f");
        disk.sync_directory(inside).unwrap();
        disk
    };
    let seen = outcomes(make, |disk| find(disk, &["d", "f"]).is_some());
    assert_eq!(seen, [false, true].into());
}

#[test]
fn names_are_kept_in_their_order() {
    let make = || {
        let mut disk = empty();
        for text in ["a", "b", "c"] {
            file(&mut disk, ROOT, text);
        }
        disk
    };
    let seen = outcomes(make, |disk| {
        ["a", "b", "c"].map(|text| find(disk, &[text]).is_some())
    });
    let prefixes = [0, 1, 2, 3].map(|kept| [0, 1, 2].map(|at| at < kept));
    assert_eq!(seen, prefixes.into());
}

#[test]
fn what_replaces_is_there_whole_or_not_at_all() {
    let make = || {
        let mut disk = empty();
        for (text, octets) in [("f", b"old"), ("f.new", b"new")] {
            let id = file(&mut disk, ROOT, text);
            disk.write(id, 0, octets).unwrap();
        }
        disk.sync();
        disk.rename((ROOT, name("f.new")), (ROOT, name("f")), true)
            .unwrap();
        disk
    };
    let seen = outcomes(make, |disk| {
        let new_name = find(disk, &["f.new"]).map(|id| all(disk, id));
        (all(disk, find(disk, &["f"]).unwrap()), new_name)
    });
    let lost = (b"old".to_vec(), Some(b"new".to_vec()));
    assert_eq!(seen, [lost, (b"new".to_vec(), None)].into());
}

/// Each of the directories that a file moves between may be synced, before its own name is durable or after.
#[test]
fn what_moves_is_in_one_of_the_directories() {
    for synced in ["from", "to"] {
        for is_old in [true, false] {
            let make = || {
                let mut disk = empty();
                let from = directory(&mut disk, ROOT, "from");
                file(&mut disk, from, "f");
                if is_old {
                    disk.sync();
                }
                disk.sync_directory(ROOT).unwrap();
                let to = directory(&mut disk, ROOT, "to");
                disk.rename((from, name("f")), (to, name("f")), true)
                    .unwrap();
                disk.sync_directory(find(&disk, &[synced]).unwrap())
                    .unwrap();
                disk
            };
            let seen = outcomes(make, |disk| {
                ["from", "to"].map(|text| find(disk, &[text, "f"]).is_some())
            });
            assert_eq!(seen, [[false, true]].into(), "{synced} {is_old}");
        }
    }
}

#[test]
fn an_emptied_directory_is_not_removed_with_what_moved_out_of_it() {
    let make = || {
        let mut disk = empty();
        let old = directory(&mut disk, ROOT, "old");
        let kept = directory(&mut disk, ROOT, "kept");
        file(&mut disk, old, "f");
        disk.sync();
        disk.rename((old, name("f")), (kept, name("f")), true)
            .unwrap();
        disk.remove_directory(ROOT, name("old")).unwrap();
        disk.sync_directory(ROOT).unwrap();
        disk
    };
    let seen = outcomes(make, |disk| find(disk, &["kept", "f"]).is_some());
    assert_eq!(seen, [true].into());
}

#[test]
fn what_was_removed_comes_back_until_its_directory_is_synced() {
    let make = |is_synced: bool| {
        let mut disk = empty();
        let id = file(&mut disk, ROOT, "f");
        disk.write(id, 0, b"octets").unwrap();
        disk.sync();
        disk.unlink(ROOT, name("f")).unwrap();
        if is_synced {
            disk.sync_directory(ROOT).unwrap();
        }
        disk
    };
    let see = |disk: &Disk| find(disk, &["f"]).map(|id| all(disk, id));
    let back = Some(b"octets".to_vec());
    assert_eq!(outcomes(|| make(false), see), [None, back].into());
    assert_eq!(outcomes(|| make(true), see), [None].into());
}

#[test]
fn what_is_open_is_there_without_a_name() {
    let mut disk = empty();
    let id = file(&mut disk, ROOT, "f");
    disk.remember(id);
    disk.write(id, 0, &[1; PAGE_BYTES]).unwrap();
    disk.unlink(ROOT, name("f")).unwrap();
    disk.sync();
    assert_eq!(all(&disk, id).len(), PAGE_BYTES);
    disk.forget(id, 1);
    disk.sync();
    assert_eq!(disk.inode(id).unwrap_err(), Errno::NOENT);
    let (pages, free) = disk.room_pages();
    assert_eq!(pages, free);
}

#[test]
fn a_second_name_keeps_the_file() {
    let mut disk = empty();
    let id = file(&mut disk, ROOT, "f");
    disk.link(id, ROOT, name("g")).unwrap();
    disk.unlink(ROOT, name("f")).unwrap();
    disk.sync();
    assert_eq!(disk.lose(0), Loss::default());
    assert_eq!(find(&disk, &["g"]), Some(id));
    assert_eq!(disk.inode(id).unwrap().links, 1);
}

#[test]
fn it_is_full_and_has_room_again() {
    let mut disk = Disk::new(64 * PAGE, OWNER);
    let id = file(&mut disk, ROOT, "f");
    let written = (0..64).take_while(|page| disk.write(id, page * PAGE, &[1]).is_ok());
    assert!((16..64).contains(&written.count()));
    assert_eq!(disk.write(id, 0, &[1; 64 * PAGE_BYTES]), Err(Errno::NOSPC));
    disk.unlink(ROOT, name("f")).unwrap();
    disk.sync_directory(ROOT).unwrap();
    assert_eq!(disk.room_pages(), (64, 64));
}

#[test]
fn refuses_what_would_lose_something() {
    let mut disk = empty();
    let inside = directory(&mut disk, ROOT, "d");
    file(&mut disk, inside, "f");
    file(&mut disk, ROOT, "g");
    let taken = disk.create(ROOT, name("g"), Kind::file(), OWNER);
    assert_eq!(taken, Err(Errno::EXIST));
    let full = disk.remove_directory(ROOT, name("d"));
    assert_eq!(full, Err(Errno::NOTEMPTY));
    let no_replacing = disk.rename((inside, name("f")), (ROOT, name("g")), false);
    assert_eq!(no_replacing, Err(Errno::EXIST));
    assert_eq!(disk.unlink(ROOT, name("d")), Err(Errno::ISDIR));
    assert_eq!(disk.remove_directory(ROOT, name("g")), Err(Errno::NOTDIR));
}

#[test]
fn a_seed_leaves_the_same_again() {
    for seed in SEEDS {
        let leave = || {
            let mut disk = empty();
            for text in ["a", "b", "c"] {
                let id = file(&mut disk, ROOT, text);
                disk.write(id, 0, &[1; 3 * PAGE_BYTES]).unwrap();
            }
            let loss = disk.lose(seed);
            let names = disk.inode(ROOT).unwrap().as_directory().unwrap();
            let contents = names.names.values().map(|id| all(&disk, *id));
            (loss, contents.collect::<Vec<_>>())
        };
        assert_eq!(leave(), leave());
    }
}
