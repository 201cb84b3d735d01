"""One HTML file for people: what a page is made of, how pictures are drawn, and how both become text."""
