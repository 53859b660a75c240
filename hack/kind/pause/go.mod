module sallyport.dev/hack/kind/pause

go 1.26
