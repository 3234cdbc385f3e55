#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# perl: hashes, regular expressions, sorting, string building, fork and pipes.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
need perl
export PERL_HASH_SEED=0 PERL_PERTURB_KEYS=0

cat >"$T/work.pl" <<'END'
use strict; use warnings; use Digest::SHA 'sha256_hex';
my %count;
my $text = join ' ', map { "word" . ($_ * 7919 % 5003) } 1 .. 120000;
$count{$1}++ while $text =~ /(\w+[02468])\b/g;
print sha256_hex(join ',', map { "$_=$count{$_}" } sort keys %count), "\n";
my @records = map { { id => $_, list => [ 1 .. $_ % 30 ], name => "x" x ($_ % 200) } } 1 .. 20000;
@records = sort { length $a->{name} <=> length $b->{name} || $b->{id} <=> $a->{id} } @records;
print sha256_hex(join ',', map { "$_->{id}:@{$_->{list}}" } @records), "\n";
my $s = ''; for (1 .. 200000) { $s .= chr(65 + $_ % 26); $s = substr($s, 50000) if length $s > 100000 }
print sha256_hex($s), "\n";
for my $n (1 .. 8) {
    my $pid = open(my $pipe, '-|') // die;
    if (!$pid) { my %h = map { $_ => "v$_" x 10 } 1 .. 5000; print scalar(keys %h), " ", sha256_hex(join '', map { $h{$_} } sort keys %h), "\n"; exit 0 }
    print <$pipe>; close $pipe or die "child: $?";
}
my @split = split /(?<=\G.{7})/, $s; print scalar(@split), "\n";
(my $copy = $s) =~ s/([AEIOU])/lc($1) x 3/ge; print sha256_hex($copy), "\n";
END

witness_on "$T/witness"
for mode in ${HK_MODES:-bare balanced}; do
    in_mode "$mode" perl "$T/work.pl" >"$T/$mode.out" 2>&1 || fail "$mode: status $?: $(tail -5 "$T/$mode.out")"
    same "$mode" "$T/bare.out" "$T/$mode.out"
done
saw perl
say "$(wc -l <"$T/bare.out") lines of results"
