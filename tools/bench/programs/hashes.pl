# SPDX-License-Identifier: MIT
# perl: a made-up log is written, taken apart by patterns, counted in hashes of hashes and arrays, sorted, put together.
use strict;
use warnings;

my $seed = 52;

sub random {
    $seed = ($seed * 1103515245 + 12345) & 0x7fffffff;
    return ($seed >> 8) % $_[0];
}

my @verbs = qw(GET PUT POST DELETE HEAD);
my @lines;
for my $i (1 .. 90000) {
    push @lines, sprintf "10.%d.%d.%d %s /a%d/b%d?q=%s %d", random(4), random(200), random(250), $verbs[random(5)],
        random(50), random(3000), "z" x random(60), random(50000);
}

my (%by_host, %by_path, %words);
for my $line (@lines) {
    next unless $line =~ m{^(\d+\.\d+\.\d+)\.(\d+) (\w+) (/\w+/\w+)\?q=(\w*) (\d+)$};
    $by_host{$1}{$2} += $6;
    push @{ $by_path{$4}{$3} }, [ $5, $6 ];
    $words{$_}++ for split /[\/.?= ]/, $line;
}

my $report = "";
for my $path (sort keys %by_path) {
    for my $verb (sort keys %{ $by_path{$path} }) {
        my @sorted = sort { $a->[1] <=> $b->[1] } @{ $by_path{$path}{$verb} };
        (my $short = $sorted[0][0]) =~ s/zz+/Z/g;
        $report .= "$path $verb $short " . join(",", map { $_->[1] } @sorted) . "\n";
    }
}
print length($report), " ", scalar(keys %by_host), " ", scalar(keys %words), "\n";
